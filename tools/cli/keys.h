// genkey, pubkey, genpsk: keys on standard output, as `wg` writes them, or as JSON's one field
// (`private_key`, `public_key`, `preshared_key`).
#pragma once

namespace gotthard::cli {

int generate_private_key(bool as_json);
int generate_preshared_key(bool as_json);
// Reads a private key from standard input.
int public_key_of_input(bool as_json);

}  // namespace gotthard::cli
