// genkey, pubkey, genpsk: keys on standard output, as `wg` writes them.
#pragma once

namespace gotthard::cli {

int generate_private_key();
int generate_preshared_key();
// Reads a private key from standard input.
int public_key_of_input();

}  // namespace gotthard::cli
