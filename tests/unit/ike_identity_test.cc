// Identities in words, patterns, and certificates that cover them.
#include <gtest/gtest.h>

#include "control/ike/identity/identity.h"
#include "tests/unit/ike_testing.h"
#include "tests/unit/x509_testing.h"

namespace gotthard::ike::testing {
namespace {

Identity id(std::string_view text) {
  auto parsed = parse_identity(text);
  EXPECT_TRUE(parsed) << text << ": " << parsed.error().message;
  return parsed.value_or(Identity{});
}

bool matches(std::string_view pattern, const Identity& identity) {
  const auto parsed = IdentityPattern::parse(pattern);
  EXPECT_TRUE(parsed) << pattern;
  return parsed->matches(identity);
}

TEST(IkeIdentity, KindsByTheirLook) {
  EXPECT_EQ(id("gw.example"), (Identity{IdType::fqdn, text("gw.example")}));
  EXPECT_EQ(id("op@example"), (Identity{IdType::email, text("op@example")}));
  EXPECT_EQ(id("192.0.2.1"), (Identity{IdType::ipv4_address, hex("c0000201")}));
  EXPECT_EQ(id("2001:db8::1"),
            (Identity{IdType::ipv6_address, hex("20010db8000000000000000000000001")}));
  EXPECT_EQ(id("C=DE, CN=gw").type, IdType::distinguished_name);
  EXPECT_EQ(id("@gw"), (Identity{IdType::fqdn, text("gw")}));
  EXPECT_EQ(id("@@op@example"), (Identity{IdType::email, text("op@example")}));
  EXPECT_EQ(id("@#c0ffee"), (Identity{IdType::key_id, hex("c0ffee")}));
}

TEST(IkeIdentity, PrefixesDecide) {
  EXPECT_EQ(id("fqdn:192.0.2.1").type, IdType::fqdn);
  EXPECT_EQ(id("dns:gw").type, IdType::fqdn);
  EXPECT_EQ(id("email:gw").type, IdType::email);
  EXPECT_EQ(id("keyid:abc"), (Identity{IdType::key_id, text("abc")}));
  EXPECT_EQ(id("keyid:0x6162"), (Identity{IdType::key_id, text("ab")}));
  EXPECT_EQ(id("ipv4:192.0.2.1").type, IdType::ipv4_address);
  EXPECT_EQ(id("dn:CN=gw"), id("CN=gw"));
}

TEST(IkeIdentity, ReadableAndBack) {
  for (const std::string_view text : {"gw.example", "op@example", "192.0.2.1", "2001:db8::1",
                                      "C=DE, O=Example, CN=gw", "keyid:0x00ff", "email:gw"}) {
    EXPECT_EQ(to_string(id(text)), text);
    EXPECT_EQ(id(to_string(id(text))), id(text));
  }
}

TEST(IkeIdentity, WhatAPeerSendsSteersNoTerminal) {
  EXPECT_EQ(to_string(Identity{IdType::fqdn, text("a\x1b[2Jb")}), "a\\x1b[2Jb");
  EXPECT_EQ(to_string(Identity{IdType::ipv4_address, hex("c0")}), "0xc0");
  EXPECT_EQ(to_string(Identity{IdType::distinguished_name, hex("c0")}), "dn:0xc0");
  EXPECT_EQ(to_string(Identity{static_cast<IdType>(99), hex("c0")}), "type99:0xc0");
}

TEST(IkeIdentity, WhatIsNone) {
  for (const std::string_view bad : {"", "a b", "ipv4:gw", "ipv6:192.0.2.1", "keyid:0x0",
                                     "keyid:", "@#xy", "dn:gw", "XX=1", "@"}) {
    EXPECT_FALSE(parse_identity(bad)) << bad;
  }
  EXPECT_FALSE(parse_identity(std::string(300, 'a')));
}

TEST(IkeIdentityPattern, OneWildcardsAndAny) {
  EXPECT_TRUE(matches("gw.example", id("GW.Example")));
  EXPECT_FALSE(matches("gw.example", id("xgw.example")));
  EXPECT_FALSE(matches("gw.example", id("email:gw.example"))) << "another type";
  EXPECT_TRUE(matches("*.example", id("a.b.example")));
  EXPECT_FALSE(matches("*.example", id(".example")));
  EXPECT_FALSE(matches("*.example", id("example")));
  EXPECT_TRUE(matches("*@example", id("op@EXAMPLE")));
  EXPECT_FALSE(matches("*@example", id("op@other")));
  EXPECT_TRUE(matches("C=DE, CN=*", id("C=DE, CN=gw")));
  EXPECT_FALSE(matches("C=DE, CN=*", id("C=US, CN=gw")));
  EXPECT_TRUE(matches("192.0.2.1", id("192.0.2.1")));
  EXPECT_FALSE(matches("192.0.2.1", id("192.0.2.2")));
  EXPECT_FALSE(matches("keyid:ab", id("keyid:AB"))) << "bytes are bytes";
  for (const std::string_view any : {"any", "%any", "*", ""}) {
    EXPECT_TRUE(matches(any, id("192.0.2.1")));
    EXPECT_TRUE(matches(any, id("gw.example")));
  }
}

TEST(IkeIdentityPattern, TheMoreItAsksTheMoreItCounts) {
  const auto specificity = [](std::string_view text) {
    return IdentityPattern::parse(text)->specificity();
  };
  EXPECT_EQ(specificity("any"), 0);
  EXPECT_EQ(specificity("*.example"), 1);
  EXPECT_EQ(specificity("C=DE, CN=*"), 1);
  EXPECT_EQ(specificity("gw.example"), 2);
  EXPECT_EQ(IdentityPattern::parse("*.example")->exact(), nullptr);
  EXPECT_EQ(*IdentityPattern::parse("gw.example")->exact(), id("gw.example"));
}

TEST(IkeIdentity, CertificatesCoverThem) {
  auto root = x509_testing::Issued::root();
  const auto certificate =
      root.issue({.subject = "C=DE, CN=gw.example",
                  .names = "DNS:gw.example,email:op@example,IP:192.0.2.1,IP:2001:db8::1"})
          .certificate();
  for (const std::string_view text :
       {"gw.example", "op@example", "192.0.2.1", "2001:db8::1", "C=DE, CN=gw.example"}) {
    EXPECT_TRUE(covers(certificate, id(text))) << text;
  }
  for (const std::string_view text : {"other.example", "other@example", "192.0.2.2", "2001:db8::2",
                                      "CN=gw.example", "keyid:0x00", "keyid:gw.example"}) {
    EXPECT_FALSE(covers(certificate, id(text))) << text;
  }
  EXPECT_FALSE(covers(certificate, Identity{static_cast<IdType>(99), text("gw.example")}));
  EXPECT_FALSE(covers(certificate, Identity{IdType::ipv4_address, hex("c000")}));
}

// Stars are ours: in what a peer sends they are characters.
TEST(IkeIdentity, StarsOfAPeerMatchNothing) {
  auto root = x509_testing::Issued::root();
  const auto certificate = root.issue({.subject = "C=DE, CN=gw"}).certificate();
  EXPECT_FALSE(covers(certificate, id("C=DE, CN=*")));
  const auto starred = root.issue({.subject = "C=DE, CN=*", .names = "DNS:*"}).certificate();
  EXPECT_FALSE(covers(starred, id("C=DE, CN=gw")));
  EXPECT_FALSE(covers(starred, id("gw.example")));
  EXPECT_FALSE(matches("C=DE, CN=gw", id("C=DE, CN=*")));
}

}  // namespace
}  // namespace gotthard::ike::testing
