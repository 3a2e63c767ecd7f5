// The header, the chain and each payload: bytes as the RFC draws them, and what is refused.
#include <gtest/gtest.h>

#include "control/ike/message/encrypted_payload.h"
#include "control/ike/message/header.h"
#include "control/ike/message/payloads.h"
#include "tests/unit/ike_testing.h"

namespace gotthard::ike::testing {
namespace {

// A chain of one payload, without its generic header.
template <typename Add>
Buffer body(Add&& add_to) {
  ChainWriter chain;
  add_to(chain);
  EXPECT_TRUE(chain.ok());
  return copy(Bytes(chain.bytes()).subspan(kPayloadHeaderSize));
}

// Every prefix of what can be parsed is refused: nothing is read beyond the end.
template <typename Parse>
void refuses_prefixes(const Buffer& whole, Parse&& parse) {
  EXPECT_TRUE(parse(Bytes(whole)));
  for (std::size_t length = 0; length < whole.size(); ++length) {
    EXPECT_FALSE(parse(Bytes(whole).first(length))) << length;
  }
}

TEST(IkeReader, StaysFailed) {
  const Buffer bytes = hex("0102030405");
  Reader reader(bytes);
  EXPECT_EQ(reader.u16(), 0x0102);
  EXPECT_EQ(reader.u32(), 0U);
  EXPECT_FALSE(reader.ok());
  EXPECT_EQ(reader.u8(), 0);
  EXPECT_TRUE(reader.bytes(0).empty());
  EXPECT_FALSE(reader.ok());
}

TEST(IkeHeader, IsAsTheRfcDrawsIt) {
  const Header header{.spi_initiator = 0x0102030405060708,
                      .spi_responder = 0x1112131415161718,
                      .next_payload = PayloadType::security_association,
                      .exchange = ExchangeType::create_child_sa,
                      .from_initiator = true,
                      .is_response = true,
                      .message_id = 0x21222324};
  Writer writer;
  write(writer, header, 0);
  EXPECT_EQ(to_hex(writer.buffer()),
            "01020304050607081112131415161718212024282122232400"
            "00001c");
  EXPECT_EQ(parse_header(writer.buffer()), header);
  refuses_prefixes(writer.buffer(), parse_header);
}

TEST(IkeHeader, LengthMustBeTheDatagrams) {
  Writer writer;
  write(writer, {}, 1);
  EXPECT_FALSE(parse_header(writer.buffer()));
  writer.u8(0);
  EXPECT_TRUE(parse_header(writer.buffer()));
  writer.u8(0);
  EXPECT_FALSE(parse_header(writer.buffer()));
}

TEST(IkeChain, EachPayloadNamesTheNext) {
  ChainWriter chain;
  add_nonce(chain, Buffer(16, std::byte{7}));
  add_vendor_id(chain, text("x"));
  EXPECT_EQ(chain.first(), PayloadType::nonce);
  EXPECT_EQ(to_hex(chain.bytes()),
            "2b000014"
            "07070707070707070707070707070707"
            "0000000578");
  const auto payloads = parse_chain(chain.first(), chain.bytes());
  ASSERT_TRUE(payloads);
  ASSERT_EQ(payloads->size(), 2U);
  EXPECT_EQ((*payloads)[1].type, PayloadType::vendor_id);
  EXPECT_EQ((*payloads)[1].body.size(), 1U);
}

TEST(IkeChain, RefusesWhatDoesNotFit) {
  EXPECT_TRUE(parse_chain(PayloadType::none, {}));
  EXPECT_FALSE(parse_chain(PayloadType::none, hex("00")));
  EXPECT_FALSE(parse_chain(PayloadType::nonce, {}));
  EXPECT_TRUE(parse_chain(PayloadType::nonce, hex("00000004")));
  EXPECT_FALSE(parse_chain(PayloadType::nonce, hex("00000003")));
  EXPECT_FALSE(parse_chain(PayloadType::nonce, hex("00000005")));
  EXPECT_FALSE(parse_chain(PayloadType::nonce, hex("0000000400")));
  EXPECT_FALSE(parse_chain(PayloadType::nonce, hex("28000004")));
}

TEST(IkeChain, AnEncryptedPayloadIsTheLast) {
  const Buffer bytes = hex("2700000aaabbccddeeff");
  const auto payloads = parse_chain(PayloadType::encrypted, bytes);
  ASSERT_TRUE(payloads);
  ASSERT_EQ(payloads->size(), 1U);
  EXPECT_EQ(payloads->front().first_inside, PayloadType::authentication);
  EXPECT_FALSE(parse_chain(PayloadType::encrypted, hex("2700000aaabbccddeeff00")));
}

TEST(IkeChain, TooManyPayloadsAreRefused) {
  ChainWriter chain;
  for (std::size_t i = 0; i < kMaxPayloads; ++i) {
    add_vendor_id(chain, {});
  }
  EXPECT_TRUE(parse_chain(chain.first(), chain.bytes()));
  add_vendor_id(chain, {});
  EXPECT_FALSE(parse_chain(chain.first(), chain.bytes()));
}

SecurityAssociation two_proposals() {
  return {{{.number = 1,
            .protocol = Protocol::ike,
            .spi = 0x0102030405060708,
            .spi_size = 8,
            .transforms = {{TransformType::encryption, 20, 256},
                           {TransformType::prf, 6, std::nullopt},
                           {TransformType::key_exchange, 20, std::nullopt}}},
           {.number = 2,
            .protocol = Protocol::esp,
            .spi = 0xc0ffee01,
            .spi_size = 4,
            .transforms = {{TransformType::encryption, 28, std::nullopt},
                           {TransformType::extended_sequence_numbers, 1, std::nullopt}}}}};
}

TEST(IkeSaPayload, IsAsTheRfcDrawsIt) {
  const Buffer bytes = body([](ChainWriter& chain) { add(chain, two_proposals()); });
  EXPECT_EQ(to_hex(bytes), to_hex(hex("0200002c 01010803 0102030405060708"
                                      "0300000c 01000014 800e0100"
                                      "03000008 02000006"
                                      "00000008 04000014"
                                      "0000001c 02030402 c0ffee01"
                                      "03000008 0100001c"
                                      "00000008 05000001")));
  EXPECT_EQ(parse_security_association(bytes), two_proposals());
  refuses_prefixes(bytes, parse_security_association);
}

TEST(IkeSaPayload, ForeignAttributesMarkTheirTransform) {
  const auto parse = [](std::string_view attributes) {
    const Buffer extra = hex(attributes);
    Writer writer;
    writer.bytes(hex("000000 00 01010001"));
    const std::size_t start = writer.size();
    writer.bytes(hex("0000000001000014"));
    writer.bytes(extra);
    writer.patch_length(start + 2, start);
    writer.patch_length(2, 0);
    return parse_security_association(writer.buffer());
  };
  const auto first = [&](std::string_view attributes) {
    return parse(attributes)->proposals.at(0).transforms.at(0);
  };
  EXPECT_FALSE(first("800e0080").foreign_attribute);
  EXPECT_EQ(first("800e0080").key_length, 128);
  EXPECT_TRUE(first("800e0080800e0100").foreign_attribute);
  EXPECT_TRUE(first("80010001").foreign_attribute);
  EXPECT_TRUE(first("00010003aabbcc").foreign_attribute);
  EXPECT_FALSE(parse("00010004aabbcc"));
  EXPECT_FALSE(parse("800e00"));
}

TEST(IkeSaPayload, CountsAndLastMarksMustAgree) {
  const Buffer bytes = body([](ChainWriter& chain) { add(chain, two_proposals()); });
  const auto refused_with = [&](std::size_t at, int value) {
    Buffer changed = bytes;
    changed[at] = static_cast<std::byte>(value);
    return !parse_security_association(changed);
  };
  EXPECT_TRUE(refused_with(0, 3)) << "neither last nor more";
  EXPECT_TRUE(refused_with(0, 0)) << "last, and another follows";
  EXPECT_TRUE(refused_with(7, 2)) << "fewer transforms than there are";
  EXPECT_TRUE(refused_with(7, 4)) << "more transforms than there are";
  EXPECT_TRUE(refused_with(6, 9)) << "an SPI longer than any";
  EXPECT_TRUE(refused_with(16, 0)) << "the first transform says that it is the last";
  EXPECT_TRUE(refused_with(3, 7)) << "a proposal shorter than its header";
}

TEST(IkeKeyPayloads, AreAsTheRfcDrawsThem) {
  const Buffer key = hex("deadbeef");
  const Buffer bytes = body([&](ChainWriter& chain) {
    add(chain, KeyExchange{GroupId::curve25519, key});
  });
  EXPECT_EQ(to_hex(bytes), "001f0000deadbeef");
  const auto parsed = parse_key_exchange(bytes);
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->group, GroupId::curve25519);
  EXPECT_TRUE(same(parsed->data, key));
  EXPECT_FALSE(parse_key_exchange(hex("001f0000"))) << "no key";
  EXPECT_FALSE(parse_nonce(Buffer(15)));
  EXPECT_TRUE(parse_nonce(Buffer(16)));
  EXPECT_TRUE(parse_nonce(Buffer(256)));
  EXPECT_FALSE(parse_nonce(Buffer(257)));
}

TEST(IkeIdentityPayloads, AreAsTheRfcDrawsThem) {
  const Buffer name = text("a.example");
  const Identification id{IdType::fqdn, name};
  const Buffer bytes = body([&](ChainWriter& chain) { add(chain, PayloadType::id_initiator, id); });
  EXPECT_EQ(to_hex(bytes),
            "02000000"
            "612e6578616d706c65");
  EXPECT_EQ(bytes, body_of(id));
  EXPECT_TRUE(same(parse_identification(bytes)->data, name));
  EXPECT_FALSE(parse_identification(hex("020000")));

  const Buffer der = hex("3000");
  const Buffer certificate =
      body([&](ChainWriter& chain) { add(chain, Certificate{.data = der}); });
  EXPECT_EQ(to_hex(certificate), "043000");
  EXPECT_TRUE(same(parse_certificate(certificate)->data, der));
  EXPECT_FALSE(parse_certificate(hex("04")));

  const Buffer hash(20, std::byte{9});
  const Buffer request = body([&](ChainWriter& chain) {
    add(chain, CertificateRequest{.authorities = {hash, hash}});
  });
  EXPECT_EQ(request.size(), 41U);
  EXPECT_EQ(parse_certificate_request(request)->authorities.size(), 2U);
  EXPECT_TRUE(parse_certificate_request(hex("04"))->authorities.empty());
  EXPECT_FALSE(parse_certificate_request(hex("04aa")));
  EXPECT_TRUE(parse_certificate_request(hex("0caa"))) << "of another encoding";

  const Buffer mac = hex("cafe");
  const Buffer auth = body([&](ChainWriter& chain) {
    add(chain, Authentication{AuthMethod::digital_signature, mac});
  });
  EXPECT_EQ(to_hex(auth), "0e000000cafe");
  EXPECT_TRUE(same(parse_authentication(auth)->data, mac));
  EXPECT_FALSE(parse_authentication(hex("0e000000")));
}

TEST(IkeNotifyPayload, IsAsTheRfcDrawsIt) {
  const Buffer bytes = body([](ChainWriter& chain) {
    add(chain, Notify{Protocol::esp, NotifyType::rekey_sa, 0xc0ffee01, {}});
  });
  EXPECT_EQ(to_hex(bytes), "03044009c0ffee01");
  const auto parsed = parse_notify(bytes);
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->spi, 0xc0ffee01U);
  EXPECT_EQ(parsed->type, NotifyType::rekey_sa);
  refuses_prefixes(bytes, parse_notify);
  const auto other = parse_notify(hex("010840091122334455667788aa"));
  ASSERT_TRUE(other);
  EXPECT_FALSE(other->spi) << "an SPI of an IKE SA";
  EXPECT_EQ(other->data.size(), 1U);
}

TEST(IkeDeletePayload, IsAsTheRfcDrawsIt) {
  const Delete two{Protocol::esp, {0xc0ffee01, 0xc0ffee02}};
  const Buffer bytes = body([&](ChainWriter& chain) { add(chain, two); });
  EXPECT_EQ(to_hex(bytes), "03040002c0ffee01c0ffee02");
  EXPECT_EQ(parse_delete(bytes), two);
  refuses_prefixes(bytes, parse_delete);
  const Delete ike{Protocol::ike, {}};
  const Buffer whole = body([&](ChainWriter& chain) { add(chain, ike); });
  EXPECT_EQ(to_hex(whole), "01000000");
  EXPECT_EQ(parse_delete(whole), ike);
  EXPECT_FALSE(parse_delete(hex("03040001c0ffee01c0ffee02")));
  EXPECT_FALSE(parse_delete(hex("03080001c0ffee01c0ffee02"))) << "no SPI of ESP has eight bytes";
  EXPECT_FALSE(parse_delete(hex("0108000111223344556677 88")));
}

TEST(IkeTsPayload, IsAsTheRfcDrawsIt) {
  TrafficSelectors selectors;
  selectors.selectors.push_back({.protocol = 17,
                                 .first_port = 53,
                                 .last_port = 53,
                                 .first = {abi::Family::ipv4, {10, 1, 0, 0}},
                                 .last = {abi::Family::ipv4, {10, 1, 255, 255}}});
  TrafficSelector everything{.first = {abi::Family::ipv6}, .last = {abi::Family::ipv6}};
  everything.last.bytes.fill(0xff);
  selectors.selectors.push_back(everything);
  const Buffer bytes =
      body([&](ChainWriter& chain) { add(chain, PayloadType::ts_initiator, selectors); });
  EXPECT_EQ(to_hex(bytes), to_hex(hex("02000000 07110010 00350035 0a010000 0a01ffff"
                                      "08000028 0000ffff 00000000000000000000000000000000"
                                      "ffffffffffffffffffffffffffffffff")));
  EXPECT_EQ(parse_traffic_selectors(bytes), selectors);
  refuses_prefixes(bytes, parse_traffic_selectors);
}

TEST(IkeTsPayload, RefusesWhatIsNoRange) {
  EXPECT_FALSE(parse_traffic_selectors(hex("00000000"))) << "none";
  EXPECT_FALSE(parse_traffic_selectors(hex("01000000 07000010 0000ffff 0a010001 0a010000")));
  EXPECT_FALSE(parse_traffic_selectors(hex("01000000 07000010 00020001 0a010000 0a010000")));
  EXPECT_TRUE(parse_traffic_selectors(hex("01000000 07000010 ffff0000 0a010000 0a010000")))
      << "OPAQUE";
  EXPECT_FALSE(parse_traffic_selectors(hex("01000000 07000011 0000ffff 0a010000 0a010000 00")));
  const auto foreign = parse_traffic_selectors(hex("01000000 09000009 0000ffff 0a"));
  ASSERT_TRUE(foreign);
  EXPECT_TRUE(foreign->selectors.empty()) << "a type that is not known matches nothing";
}

TEST(IkePayloads, OneOfAKind) {
  ChainWriter chain;
  add_nonce(chain, Buffer(16));
  EXPECT_TRUE(parse_payloads(chain.first(), chain.bytes()));
  add_nonce(chain, Buffer(16));
  const auto twice = parse_payloads(chain.first(), chain.bytes());
  ASSERT_FALSE(twice);
  EXPECT_EQ(twice.error().notify, NotifyType::invalid_syntax);
}

TEST(IkePayloads, UnknownOnesArePassedOverUnlessCritical) {
  const auto unknown = static_cast<PayloadType>(200);
  EXPECT_TRUE(parse_payloads(unknown, hex("00000005aa")));
  const auto critical = parse_payloads(unknown, hex("00800005aa"));
  ASSERT_FALSE(critical);
  EXPECT_EQ(critical.error().notify, NotifyType::unsupported_critical_payload);
  EXPECT_EQ(critical.error().payload, unknown);
  EXPECT_TRUE(parse_payloads(PayloadType::vendor_id, hex("00800005aa")))
      << "the bit means nothing on a payload that is known";
}

TEST(IkePayloads, FindsNotifies) {
  ChainWriter chain;
  add(chain, Notify{.type = NotifyType::initial_contact});
  add(chain, Notify{.type = NotifyType::ts_unacceptable});
  const auto payloads = parse_payloads(chain.first(), chain.bytes());
  ASSERT_TRUE(payloads);
  EXPECT_TRUE(payloads->has(NotifyType::initial_contact));
  EXPECT_FALSE(payloads->has(NotifyType::cookie));
  ASSERT_NE(payloads->error(), nullptr);
  EXPECT_EQ(payloads->error()->type, NotifyType::ts_unacceptable);
}

TEST(IkeWriter, LengthsThatDoNotFitFail) {
  ChainWriter chain;
  add_vendor_id(chain, Buffer(0xffff - kPayloadHeaderSize));
  EXPECT_TRUE(chain.ok());
  add_vendor_id(chain, Buffer(0x10000 - kPayloadHeaderSize));
  EXPECT_FALSE(chain.ok());
}

}  // namespace
}  // namespace gotthard::ike::testing
