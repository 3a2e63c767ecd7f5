// ESP packets whose sealed form is published, part by part. `nonce` is salt and IV.
#pragma once

#include <array>

#include "crypto/suite.h"

namespace gotthard::crypto::testing {

struct EspVector {
  const char* source;
  Suite suite;
  const char* key;
  const char* nonce;
  const char* aad;
  const char* plaintext;
  const char* ciphertext;
  const char* tag;
};

// RFC 7634, appendix A; the rest from draft-mcgrew-gcm-test-01, section 4: RFC 4106, with and
// without extended sequence numbers, and RFC 4543.
inline constexpr std::array kEspPackets{
    EspVector{
        "RFC 7634, appendix A", Suite::chacha20_poly1305,
        "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f",
        "a0a1a2a31011121314151617", "0102030400000005",
        "45000054a6f200004001e778c6336405c000020508005b7a3a080000553bec100007362708090a0b0c0d0e0f10"
        "1112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f303132333435363701020204",
        "24039428b97f417e3c13753a4f05087b67c352e6a7fab1b982d466ef407ae5c614ee8099d52844eb61aa95dfab"
        "4c02f72aa71e7c4c4f64c9befe2facc638e8f3cbec163fac469b502773f6fb94e664da9165b82829f641e0",
        "76aaa8266b7fb0f7b11b369907e1ad43"},
    EspVector{"draft-mcgrew-gcm-test-01", Suite::aes128_gcm, "4c80cdefbb5d10da906ac73c3613a634",
              "2e443b684956ed7e3b244cfe", "000043218765432100000000",
              "45000048699a000080114db7c0a80102c0a801010a9bf15638d301000001000000000000045f73697004"
              "5f756470037369700963796265726369747902646b000021000101020201",
              "fecf537e729d5b07dc30df528dd22b768d1b98736696a6fd348509fa13ceac34cfa2436f14a3f3cf6592"
              "5bf1f4a13c5d15b21e1884f5ff6247aeabb786b93bce61bc17d768fd9732",
              "459018148f6cbe722fd04796562dfdb4"},
    EspVector{"draft-mcgrew-gcm-test-01", Suite::aes128_gcm, "feffe9928665731c6d6a8f9467308308",
              "cafebabefacedbaddecaf888", "0000a5f80000000a",
              "4500003e698f000080114dccc0a80102c0a801010a980035002a2343b2d0010000010000000000000373"
              "69700963796265726369747902646b00000100010001",
              "deb22cd9b07c72c16e3a65beeb8df304a5a5897d33ae530f1ba76d5d114d2a5c3de81827c10e9a4f5133"
              "0d0eec416642cfbb85a5b47e48a4ec3b9ba95d918bd1",
              "83b70d3aa8bc6ee4c309e9d85a41ad4a"},
    EspVector{"draft-mcgrew-gcm-test-01", Suite::aes256_gcm,
              "abbccddef00112233445566778899aababbccddef00112233445566778899aab",
              "112233440102030405060708", "4a2cbfe300000002",
              "4500003069a6400080062690c0a801029389155e0a9e008b2dc57ee0000000007002400020bf00000204"
              "05b40101040201020201",
              "ff425c9b724599df7a3bcd510194e00d6a78107f1b0b1cbf06efae9d65a5d763748a637985771d347f05"
              "45659f14e99def842d8e",
              "b335f4eecfdbf831824b4c4915956c96"},
    EspVector{"draft-mcgrew-gcm-test-01", Suite::aes192_gcm,
              "feffe9928665731c6d6a8f9467308308feffe9928665731c", "cafebabefacedbaddecaf888",
              "0000a5f80000000a",
              "45000028a4ad4000400678800a01038f0a010612802306b8cb712602dd6bb03e501016d075680001",
              "a5b1f8066029aea40e598b8122de02420938b3ab33f828e687b8858b5bfbdbd0315b27452144cc77",
              "95457b9652037f5318027b5b4cd7a636"},
    EspVector{"draft-mcgrew-gcm-test-01", Suite::aes256_gcm,
              "abbccddef00112233445566778899aababbccddef00112233445566778899aab",
              "73616c74616e640169766563", "17405e67156f3126dd0db99b",
              "45080028732c00004006e9f90a0106120a01038f06b88023dd6bafbecb71260250101f646d540001",
              "f2d69ecdbd5a0d5b8d5ef38bad4da58d1f278fde98ef67549d524a3018d9a57ff4d3a31ce673119e",
              "451626c2415771e3b7eebca614c89b35"},
    EspVector{"draft-mcgrew-gcm-test-01", Suite::aes128_gcm, "7d773d00c144c525ac619d18c84a3f47",
              "d966426743457e9182443bc6", "335467aeffffffff", "01020201", "437f866b",
              "cb3f699fe9b0822bac961c4504bef270"},
    EspVector{"draft-mcgrew-gcm-test-01", Suite::aes128_gmac, "4c80cdefbb5d10da906ac73c3613a634",
              "22433c640000000000000000", "0000432100000007",
              "45000030da3a00008001df3bc0a80005c0a800010800c6cd020007006162636465666768696a6b6c6d6e"
              "6f707172737401020201",
              "45000030da3a00008001df3bc0a80005c0a800010800c6cd020007006162636465666768696a6b6c6d6e"
              "6f707172737401020201",
              "f2a9a836e155106aa8dcd618e4099aaa"},
};

// RFC 3602, section 4, cases 5 to 8: header, IV and ciphertext; and the text with its ESP trailer.
struct CbcVector {
  const char* key;
  const char* packet;
  const char* plaintext;
};
inline constexpr std::array kCbcPackets{
    CbcVector{"90d382b410eeba7ad938c46cec1a82bf",
              "0000432100000001e96e8c08ab465763fd098d45dd3ff893f663c25d325c18c6a9453e194e120849a487"
              "0b66cc6b9965330013b4898dc856a4699e523a55db080b59ec3a8e4b7e52775b07d1db34ed9c538ab50c"
              "551b874aa269add047ad2d5913ac19b7cfbad4a6",
              "08000ebda70a00008e9c083db95b070008090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f2021"
              "22232425262728292a2b2c2d2e2f30313233343536370102030405060708090a0b0c0d0e0e01"},
    CbcVector{"90d382b410eeba7ad938c46cec1a82bf",
              "000043210000000869d08df7d203329db093fc4924e5bd80f51995881ec4e0c4488987ce742e8109689b"
              "b379d2d750c0d915dca346a89f75",
              "0800b5e8a80a0500a69c083d0b660e0077777777777777777777777701020201"},
    CbcVector{"0123456789abcdef0123456789abcdef",
              "0000876500000002f4e765244f6407adf13dc1380f673f37773b5241a4c449225e4f3ce5ed611b0c237c"
              "a96cf74a93013c1b0ea1a0cf70f8e4ecaec78ac53aad7a0f022b859243c647752e94a859352b8a4d4d2d"
              "ecd136e5c177f132ad3fbfb2201ac9904c74ee0a109e0ca1e4dfe9d5a100b842f1c22f0d",
              "45000054090400004001f988c0a87b03c0a87bc808009f76a90a0100b49c083d02a2040008090a0b0c0d"
              "0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f3031323334353637"
              "0102030405060708090a0a04"},
    CbcVector{"0123456789abcdef0123456789abcdef",
              "000087650000000585d47224b5f3dd5d2101d4ea8dffab2215b92683819596a8047232cc00f7048fe453"
              "18e11f8a0f62ede3c3fc61203bb50f980a08c9843fd3a1b06d5c07ff9639b7eb7dfb3512e5de435e7207"
              "ed971ef3d2726d9b5ef6affc6d17a0decbb13892",
              "45000044090c00004001f990c0a87b03c0a87bc80800d63caa0a0200c69c083da3de0300ffffffffffff"
              "ffffffffffffffffffffffffffffffffffffffffffffffffffff0102030405060708090a0a04"},
};

// RFC 4868, 2.7.2.2 to 2.7.2.4, AUTH256-2, AUTH384-2 and AUTH512-2: "what do ya want for nothing?"
// under keys of "Jefe" repeated.
struct HmacVector {
  Suite suite;
  const char* mac;
};
inline constexpr std::array kHmacJefe{
    HmacVector{Suite::aes128_cbc_hmac_sha256_128,
               "167f928588c5cc2eef8e3093caa0e87c9ff566a14794aa61648d81621a2a40c6"},
    HmacVector{Suite::aes128_cbc_hmac_sha384_192,
               "2c7353974f1842fd66d53c452ca42122b28c0b594cfb184da86a368e9b8e16f5349524ca4e82400cbde"
               "0686d403371c9"},
    HmacVector{Suite::aes128_cbc_hmac_sha512_256,
               "cb370917ae8a7ce28cfd1d8f4705d6141c173b2a9362c15df235dfb251b154546aa334ae9fb9afc2184"
               "932d8695e397bfa0ffb93466cfcceaae38c833b7dba38"},
};

// RFC 4231, cases 1 to 4.
struct HmacCase {
  const char* key;
  const char* message;
  std::array<const char*, 3> macs;  // SHA-256, SHA-384, SHA-512
};
inline constexpr std::array kHmacCases{
    HmacCase{"0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b",
             "4869205468657265",
             {"b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
              "afd03944d84895626b0825f4ab46907f15f9dadbe4101ec682aa034c7cebc59cfaea9ea9076ede7f4af1"
              "52e8b2fa9cb6",
              "87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545e17cdedaa833b7d6b8a702038b"
              "274eaea3f4e4be9d914eeb61f1702e696c203a126854"}},
    HmacCase{"4a656665",
             "7768617420646f2079612077616e7420666f72206e6f7468696e673f",
             {"5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
              "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e8e2240ca5e69e2c78b32"
              "39ecfab21649",
              "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d03"
              "4f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737"}},
    HmacCase{"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
             "ddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd"
             "ddddddddddddddd",
             {"773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe",
              "88062608d3e6ad8a0aa2ace014c8a86f0aa635d947ac9febe83ef4e55966144b2a5ab39dc13814b94e3a"
              "b6e101a34f27",
              "fa73b0089d56a284efb0f0756c890be9b1b5dbdd8ee81a3655f83e33b2279d39bf3e848279a722c806b4"
              "85a47e67c807b946a337bee8942674278859e13292fb"}},
    HmacCase{"0102030405060708090a0b0c0d0e0f10111213141516171819",
             "cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdc"
             "dcdcdcdcdcdcdcd",
             {"82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b",
              "3e8a69b7783c25851933ab6290af6ca77a9981480850009cc5577c6e1f573b4e6801dd23c4a7d679ccf8"
              "a386c674cffb",
              "b0ba465637458c6990e5a8c5f61d4af7e576d97ff94b872de76f8050361ee3dba91ca5c11aa25eb4d679"
              "275cc5788063a5f19741120c4f2de2adebeb10a298dd"}},
};

}  // namespace gotthard::crypto::testing
