#!/usr/bin/env python3
"""Keys of IKEv2 (RFC 7296, sections 2.13 to 2.18; RFC 9370, section 2.2.4) for each PRF, computed
without any code of Gotthard. Prints tests/vectors/ike_keys.h:

    python3 tests/vectors/ike_keys.py > tests/vectors/ike_keys.h
"""
import hashlib
import hmac


def prf(name, key, data):
    return hmac.new(key, data, name).digest()


def prf_plus(name, key, seed, length):
    out, block, n = b"", b"", 0
    while len(out) < length:
        n += 1
        block = prf(name, key, block + seed + bytes([n]))
        out += block
    return out[:length]


def fixed(label, length):
    return hashlib.shake_128(label.encode()).digest(length)


def constant(name, value):
    lines = [value.hex()[i:i + 84] for i in range(0, 2 * len(value), 84)]
    print(f"        .{name} =")
    print("\n".join(f'            "{line}"' for line in lines) + ",")


print("// Made by ike_keys.py beside this file, without any code of Gotthard.")
print("#pragma once\n")
print("#include <string_view>\n")
print("namespace gotthard::ike::vectors {\n")
print("// Secrets come in the order of their exchanges. `ike` is SK_d | SK_ai | SK_ar | SK_ei | SK_er |")
print("// SK_pi | SK_pr with 32 bytes of SK_e and as many of SK_a as the PRF has; `child` is 144 bytes of")
print("// KEYMAT of the new IKE SA.")
print("struct Keys {")
print("  std::string_view name, ni, nr, shared, skeyseed, ike, rekey_shared, rekey_further, rekey_skeyseed,")
print("      rekey_skeyseed_further, child, child_pfs, child_further;")
print("};\n")
print("inline constexpr unsigned long kSpiInitiator = 0x0102030405060708;")
print("inline constexpr unsigned long kSpiResponder = 0xf1f2f3f4f5f6f7f8;\n")
print("inline constexpr Keys kKeys[] = {")
for name in ("sha256", "sha384", "sha512"):
    size = hashlib.new(name).digest_size
    ni, nr = fixed(name + " Ni", 32), fixed(name + " Nr", 48)
    shared = fixed(name + " g^ir", 96)
    new, further = fixed(name + " new", 32), fixed(name + " further", 56)
    spis = bytes.fromhex("0102030405060708f1f2f3f4f5f6f7f8")
    skeyseed = prf(name, ni + nr, shared)
    ike = prf_plus(name, skeyseed, ni + nr + spis, 3 * size + 2 * size + 2 * 32)
    d = ike[:size]
    print("    {")
    print(f'        .name = "{name}",')
    for label, value in (
            ("ni", ni), ("nr", nr), ("shared", shared), ("skeyseed", skeyseed), ("ike", ike),
            ("rekey_shared", new), ("rekey_further", further),
            ("rekey_skeyseed", prf(name, d, new + ni + nr)),
            ("rekey_skeyseed_further", prf(name, d, new + ni + nr + further)),
            ("child", prf_plus(name, d, ni + nr, 144)),
            ("child_pfs", prf_plus(name, d, new + ni + nr, 144)),
            ("child_further", prf_plus(name, d, new + ni + nr + further, 144))):
        constant(label, value)
    print("    },")
print("};\n")
print("}  // namespace gotthard::ike::vectors")
