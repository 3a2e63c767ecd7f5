// Pieces of messages (RFC 7383), and how they are put together.
#include <gtest/gtest.h>

#include "control/ike/message/chain.h"
#include "control/ike/message/encrypted_payload.h"
#include "tests/unit/ike_testing.h"

namespace gotthard::ike::testing {
namespace {

Sealed fragment(std::uint16_t number, std::uint16_t total) {
  return {.first_inside = number == 1 ? PayloadType::nonce : PayloadType::none,
          .number = number,
          .total = total};
}

TEST(IkeFragments, AreAsTheRfcDrawsThem) {
  Writer writer;
  write_sealed_header(writer, fragment(1, 3), 2);
  writer.u16(0xaabb);
  EXPECT_EQ(to_hex(writer.buffer()), "2800000a00010003aabb");
  const auto chain = parse_chain(PayloadType::encrypted_fragment, writer.buffer());
  ASSERT_TRUE(chain);
  const auto sealed = parse_sealed(chain->front());
  ASSERT_TRUE(sealed);
  EXPECT_EQ(sealed->number, 1);
  EXPECT_EQ(sealed->total, 3);
  EXPECT_EQ(sealed->text.size(), 2U);
}

TEST(IkeFragments, RefusesNumbersThatMakeNoSense) {
  const auto parse = [](std::string_view body, PayloadType inside = PayloadType::none) {
    const Buffer bytes = hex(body);
    return parse_sealed({PayloadType::encrypted_fragment, false, inside, bytes}).has_value();
  };
  EXPECT_TRUE(parse("00010001aa", PayloadType::nonce));
  EXPECT_FALSE(parse("00000001aa"));
  EXPECT_FALSE(parse("00020001aa"));
  EXPECT_FALSE(parse("00010081aa")) << "more pieces than are kept";
  EXPECT_FALSE(parse("00020002aa", PayloadType::nonce)) << "only the first says what is inside";
  EXPECT_FALSE(parse("0001"));
}

TEST(IkeFragments, ComeInAnyOrderAndTwice) {
  Reassembly reassembly;
  EXPECT_FALSE(reassembly.add(fragment(3, 3), text("c")));
  EXPECT_FALSE(reassembly.add(fragment(1, 3), text("a")));
  EXPECT_FALSE(reassembly.add(fragment(1, 3), text("x")));
  const auto whole = reassembly.add(fragment(2, 3), text("b"));
  ASSERT_TRUE(whole);
  EXPECT_EQ(whole->chain, text("abc"));
  EXPECT_EQ(whole->first_inside, PayloadType::nonce);
  EXPECT_TRUE(reassembly.empty());
}

TEST(IkeFragments, SmallerPiecesBeginAnew) {
  Reassembly reassembly;
  EXPECT_FALSE(reassembly.add(fragment(1, 2), text("ab")));
  EXPECT_FALSE(reassembly.add(fragment(1, 3), text("a")));
  EXPECT_FALSE(reassembly.add(fragment(2, 2), text("cd"))) << "late, of the larger pieces";
  EXPECT_FALSE(reassembly.add(fragment(2, 3), text("b")));
  EXPECT_EQ(reassembly.add(fragment(3, 3), text("c"))->chain, text("abc"));
}

TEST(IkeFragments, GrowToALimit) {
  Reassembly reassembly;
  const Buffer large(kMaxMessage / 2);
  EXPECT_FALSE(reassembly.add(fragment(1, 3), large));
  EXPECT_FALSE(reassembly.add(fragment(2, 3), large));
  EXPECT_FALSE(reassembly.add(fragment(3, 3), text("x"))) << "beyond kMaxMessage";
}

}  // namespace
}  // namespace gotthard::ike::testing
