#!/usr/bin/env python3
"""A WireGuard handshake with fixed keys, computed without any code of Gotthard: hashlib, hmac and
python3-cryptography, and an HChaCha20 written out. Prints tests/vectors/noise_transcript.h:

    python3 tests/vectors/noise_transcript.py > tests/vectors/noise_transcript.h
"""
import hashlib
import hmac
import struct

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat


def blake2s(data):
    return hashlib.blake2s(data).digest()


def mac(key, data):
    return hashlib.blake2s(data, key=key, digest_size=16).digest()


def kdf(key, data, count):
    prk = hmac.new(key, data, hashlib.blake2s).digest()
    out, previous = [], b""
    for i in range(1, count + 1):
        previous = hmac.new(prk, previous + bytes([i]), hashlib.blake2s).digest()
        out.append(previous)
    return out


def aead(key, plaintext, aad):
    return ChaCha20Poly1305(key).encrypt(bytes(12), plaintext, aad)


def public(private):
    key = X25519PrivateKey.from_private_bytes(private).public_key()
    return key.public_bytes(Encoding.Raw, PublicFormat.Raw)


def dh(private, public_key):
    return X25519PrivateKey.from_private_bytes(private).exchange(
        X25519PublicKey.from_public_bytes(public_key))


def hchacha20(key, nonce16):
    s = list(struct.unpack("<4I", b"expand 32-byte k")) + list(struct.unpack("<8I", key))
    s += list(struct.unpack("<4I", nonce16))

    def rotate(x, n):
        return ((x << n) | (x >> (32 - n))) & 0xffffffff

    def quarter(a, b, c, d):
        for x, y, z, n in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
            s[x] = (s[x] + s[y]) & 0xffffffff
            s[z] = rotate(s[z] ^ s[x], n)

    for _ in range(10):
        for i in range(4):
            quarter(i, 4 + i, 8 + i, 12 + i)
        for i in range(4):
            quarter(i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4)
    return struct.pack("<8I", *(s[:4] + s[12:]))


def xaead(key, nonce, plaintext, aad):
    return ChaCha20Poly1305(hchacha20(key, nonce[:16])).encrypt(
        bytes(4) + nonce[16:], plaintext, aad)


def fixed(first):
    return bytes((first + 7 * i) & 0xff for i in range(32))


values = {}
initiator_private, responder_private = fixed(0x11), fixed(0x52)
initiator_ephemeral, responder_ephemeral = fixed(0x93), fixed(0xd4)
psk = fixed(0x05)
timestamp = bytes.fromhex("400000006579a0b40b000000")
initiator_index, responder_index = 0x12345678, 0x9abcdef0
initiator_public, responder_public = public(initiator_private), public(responder_private)

# Initiation: e, es, s, ss, {timestamp}
c = blake2s(b"Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s")
h = blake2s(c + b"WireGuard v1 zx2c4 Jason@zx2c4.com")
h = blake2s(h + responder_public)
e = public(initiator_ephemeral)
c = kdf(c, e, 1)[0]
h = blake2s(h + e)
c, k = kdf(c, dh(initiator_ephemeral, responder_public), 2)
encrypted_static = aead(k, initiator_public, h)
h = blake2s(h + encrypted_static)
c, k = kdf(c, dh(initiator_private, responder_public), 2)
encrypted_timestamp = aead(k, timestamp, h)
h = blake2s(h + encrypted_timestamp)
initiation = bytes([1, 0, 0, 0]) + struct.pack("<I", initiator_index) + e
initiation += encrypted_static + encrypted_timestamp
initiation += mac(blake2s(b"mac1----" + responder_public), initiation)

# What the responder would send under load; the initiator then adds mac2.
cookie_secret = fixed(0x3c)
source = bytes([192, 0, 2, 1]) + struct.pack(">H", 51820)
cookie = mac(cookie_secret, source)
cookie_nonce = fixed(0x77)[:24]
cookie_reply = bytes([3, 0, 0, 0]) + struct.pack("<I", initiator_index) + cookie_nonce
cookie_reply += xaead(blake2s(b"cookie--" + responder_public), cookie_nonce, cookie,
                      initiation[-16:])
initiation_with_cookie = initiation + mac(cookie, initiation)
initiation += bytes(16)

# Response: e, ee, se, psk, {}
e = public(responder_ephemeral)
c = kdf(c, e, 1)[0]
h = blake2s(h + e)
c = kdf(c, dh(responder_ephemeral, public(initiator_ephemeral)), 1)[0]
c = kdf(c, dh(responder_ephemeral, initiator_public), 1)[0]
c, t, k = kdf(c, psk, 3)
h = blake2s(h + t)
encrypted_nothing = aead(k, b"", h)
response = bytes([2, 0, 0, 0]) + struct.pack("<II", responder_index, initiator_index)
response += e + encrypted_nothing
response += mac(blake2s(b"mac1----" + initiator_public), response)
response += bytes(16)
initiator_to_responder, responder_to_initiator = kdf(c, b"", 2)

print("// Made by noise_transcript.py beside this file, without any code of Gotthard.")
print("#pragma once\n")
print("#include <cstdint>\n#include <string_view>\n")
print("namespace gotthard::noise::transcript {\n")
print(f"inline constexpr std::uint32_t kInitiatorIndex = {initiator_index:#x};")
print(f"inline constexpr std::uint32_t kResponderIndex = {responder_index:#x};")
for name, value in (
        ("InitiatorPrivate", initiator_private), ("InitiatorPublic", initiator_public),
        ("ResponderPrivate", responder_private), ("ResponderPublic", responder_public),
        ("InitiatorEphemeral", initiator_ephemeral), ("ResponderEphemeral", responder_ephemeral),
        ("PresharedKey", psk), ("Timestamp", timestamp), ("Initiation", initiation),
        ("CookieSecret", cookie_secret), ("CookieNonce", cookie_nonce),
        ("CookieReply", cookie_reply), ("InitiationWithCookie", initiation_with_cookie),
        ("Response", response), ("InitiatorToResponder", initiator_to_responder),
        ("ResponderToInitiator", responder_to_initiator)):
    print(f"inline constexpr std::string_view k{name} =")
    text = value.hex()
    lines = [text[i:i + 80] for i in range(0, len(text), 80)]
    print("\n".join(f'    "{line}"' for line in lines) + ";")
print("\n}  // namespace gotthard::noise::transcript")
