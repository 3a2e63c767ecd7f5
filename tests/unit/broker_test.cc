#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <sys/mman.h>
#include <unistd.h>

#include <thread>

#include "base/memfd.h"
#include "base/socket.h"
#include "control/broker/configuration.h"
#include "control/broker/message.h"

namespace gotthard::broker {
namespace {

abi::Address ipv4(std::uint8_t last) { return {abi::Family::ipv4, {192, 0, 2, last}}; }

TEST(BrokerMessage, RoundTrip) {
  ResolveNeighbour body;
  body.port = 3;
  body.address = ipv4(7);
  const auto request = decode_request(encode(Request{42, body}));
  ASSERT_TRUE(request.has_value());
  EXPECT_EQ(request->id, 42U);
  const auto* decoded = std::get_if<ResolveNeighbour>(&request->body);
  ASSERT_NE(decoded, nullptr);
  EXPECT_EQ(decoded->port, 3);
  EXPECT_EQ(decoded->address, ipv4(7));
}

TEST(BrokerMessage, EveryAlternativeComesBackAsItself) {
  ResolveNeighbour neighbour;
  neighbour.address = ipv4(1);
  for (const RequestBody& body :
       {RequestBody(Ready{}), RequestBody(neighbour),
        RequestBody(ResolveName{to_text<kMaxHostName>("gw.example.net")}),
        RequestBody(SetLogLevel{}), RequestBody(Reload{}), RequestBody(Confirm{}),
        RequestBody(Reloaded{}), RequestBody(TunnelPrefixes{}), RequestBody(ListenPorts{})}) {
    const auto request = decode_request(encode(Request{1, body}));
    ASSERT_TRUE(request.has_value()) << body.index();
    EXPECT_EQ(request->body.index(), body.index());
  }
  Configuration configuration;
  configuration.path = to_text<kMaxPath>("gotthard.toml");
  for (const NoticeBody& body :
       {NoticeBody(configuration), NoticeBody(KeyFile{0, to_text<kMaxPath>("/etc/wg0.key")}),
        NoticeBody(Attach{}), NoticeBody(Answer{}), NoticeBody(NameResolved{})}) {
    const auto notice = decode_notice(encode(Notice{1, body}));
    ASSERT_TRUE(notice.has_value()) << body.index();
    EXPECT_EQ(notice->body.index(), body.index());
  }
}

TEST(BrokerMessage, RefusesWrongLengthVersionAndType) {
  const auto good = encode(Request{1, Ready{}});
  for (std::size_t size = 0; size < good.size(); ++size) {
    EXPECT_FALSE(decode_request({good.data(), size}).has_value()) << size;
  }
  auto longer = good;
  longer.push_back(std::byte{0});
  EXPECT_FALSE(decode_request(longer).has_value());
  auto version = good;
  version[0] = std::byte{kVersion + 1};
  EXPECT_FALSE(decode_request(version).has_value());
  auto type = good;
  type[2] = std::byte{std::variant_size_v<RequestBody>};
  EXPECT_FALSE(decode_request(type).has_value());
}

TEST(BrokerMessage, RefusesPrefixesAndPortsThatThereAreNot) {
  const auto refused = [](const RequestBody& body) {
    return !decode_request(encode(Request{1, body})).has_value();
  };
  TunnelPrefixes prefixes;
  prefixes.count = 2;
  prefixes.prefixes[0] = {{abi::Family::ipv4, {10, 0, 0, 0}}, 8, 1};
  prefixes.prefixes[1] = {{abi::Family::ipv6, {0xfd}}, 8, 0};
  EXPECT_FALSE(refused(prefixes));
  const auto with = [&](const TunnelPrefix& wrong) {
    TunnelPrefixes other = prefixes;
    other.prefixes[1] = wrong;
    return refused(other);
  };
  EXPECT_TRUE(with({})) << "no family";
  EXPECT_TRUE(with({{abi::Family::ipv4, {10, 0, 0, 1}}, 24, 1})) << "host bits";
  EXPECT_TRUE(with({{abi::Family::ipv4, {10, 0, 0, 0}}, 33, 1}));
  EXPECT_TRUE(with({{abi::Family::ipv6, {0xfd}}, 129, 1}));
  EXPECT_TRUE(with({{abi::Family::ipv4, {10, 0, 0, 0}}, 8, 2}));
  prefixes.count = kPrefixesAPart + 1;
  EXPECT_TRUE(refused(prefixes));
  prefixes.count = 0;
  prefixes.interface = abi::kMaxInterfaces;
  EXPECT_TRUE(refused(prefixes));
  ListenPorts ports;
  ports.ranges[3] = {.first = 65535, .count = 1};
  EXPECT_FALSE(refused(ports));
  ports.ranges[3] = {.first = 65535, .count = 2};
  EXPECT_TRUE(refused(ports));
  ports.ranges[3] = {.first = 0, .count = 1};
  EXPECT_TRUE(refused(ports));
  ports.ranges[3] = {.first = 1, .count = abi::kMaxSourcePorts + 1};
  EXPECT_TRUE(refused(ports));
}

TEST(BrokerMessage, RefusesFieldsOutOfRange) {
  const auto refused = [](const RequestBody& body) {
    return !decode_request(encode(Request{1, body})).has_value();
  };
  ResolveNeighbour neighbour;
  EXPECT_TRUE(refused(neighbour)) << "no address";
  neighbour.address = ipv4(1);
  EXPECT_FALSE(refused(neighbour));
  neighbour.port = abi::link_of(0, abi::kHighestVlan + 1);
  EXPECT_TRUE(refused(neighbour));
  neighbour.port = 0;
  neighbour.address.bytes[9] = 1;
  EXPECT_TRUE(refused(neighbour)) << "an IPv4 address with more than four bytes";

  SetLogLevel level;
  level.subsystem = log::Subsystem::count;
  EXPECT_TRUE(refused(level));
  level.subsystem = log::Subsystem::route;
  level.level = static_cast<log::Level>(5);
  EXPECT_TRUE(refused(level));

  EXPECT_TRUE(refused(ResolveName{})) << "empty";
  EXPECT_TRUE(refused(ResolveName{to_text<kMaxHostName>("a b")}));
  EXPECT_TRUE(refused(ResolveName{to_text<kMaxHostName>("$(reboot)")}));
  ResolveName unterminated;
  unterminated.name.fill('a');
  EXPECT_TRUE(refused(unterminated));
  ResolveName hidden{to_text<kMaxHostName>("a")};
  hidden.name[5] = 'x';
  EXPECT_TRUE(refused(hidden)) << "text after its end";
}

TEST(BrokerMessage, NoticesAreCheckedToo) {
  NameResolved resolved;
  resolved.count = kMaxAddresses + 1;
  EXPECT_FALSE(decode_notice(encode(Notice{1, resolved})).has_value());
  resolved.count = 1;
  EXPECT_FALSE(decode_notice(encode(Notice{1, resolved})).has_value()) << "address without family";
  EXPECT_FALSE(
      decode_notice(encode(Notice{0, KeyFile{0, to_text<kMaxPath>("wg0.key")}})).has_value())
      << "a relative path";
}

TEST(BrokerMessage, AnyBytesAreRefusedOrComeBackTheSame) {
  EXPECT_TRUE(rc::check("decoding is total", [](const std::vector<std::uint8_t>& noise) {
    auto bytes = encode(Request{5, ResolveName{to_text<kMaxHostName>("gw")}});
    for (std::size_t i = 0; i + 1 < noise.size(); i += 2) {
      bytes[noise[i] % bytes.size()] = std::byte{noise[i + 1]};
    }
    if (const auto request = decode_request(bytes)) {
      RC_ASSERT(encode(*request) == bytes);
    }
  }));
}

const std::string path = "a.toml";

UniqueFd key_file(const std::string& text) {
  UniqueFd fd(memfd_create("key", MFD_CLOEXEC));
  EXPECT_EQ(pwrite(fd.get(), text.data(), text.size(), 0), static_cast<ssize_t>(text.size()));
  return fd;
}

TEST(BrokerConfiguration, ArrivesWholeWithManyKeyFiles) {
  auto sockets = seqpacket_pair();
  ASSERT_TRUE(sockets.has_value());
  const std::string text(100'000, '#');
  std::vector<OpenKeyFile> keys;
  for (int i = 0; i < 300; ++i) {
    keys.push_back({"/etc/gotthard/" + std::to_string(i), key_file(std::to_string(i))});
  }
  std::thread sender([&] {
    EXPECT_TRUE(
        send_configuration(sockets->first.get(), {.path = path, .text = text, .key_files = keys})
            .has_value());
  });
  const auto received = receive_configuration(sockets->second.get());
  sender.join();
  ASSERT_TRUE(received.has_value()) << received.error().message;
  EXPECT_EQ(received->path, "a.toml");
  EXPECT_EQ(received->text, text);
  ASSERT_EQ(received->key_files.size(), keys.size());
  std::array<char, 8> content{};
  EXPECT_EQ(pread(received->key_files[299].fd.get(), content.data(), content.size(), 0), 3);
  EXPECT_STREQ(content.data(), "299");
  EXPECT_EQ(received->key_files[299].path, "/etc/gotthard/299");
}

TEST(BrokerConfiguration, IsReadOnlyForItsReceiver) {
  auto sockets = seqpacket_pair();
  ASSERT_TRUE(sockets.has_value());
  ASSERT_TRUE(
      send_configuration(sockets->first.get(), {.path = path, .text = "[log]", .key_files = {}})
          .has_value());
  bool closed = false;
  auto message = receive_message(sockets->second.get(), kMaxMessage, true, &closed);
  ASSERT_TRUE(message && *message);
  ASSERT_EQ((*message)->fds.size(), 1U);
  EXPECT_EQ(pwrite((*message)->fds[0].get(), "x", 1, 0), -1);
  EXPECT_NE(ftruncate((*message)->fds[0].get(), 0), 0);
}

TEST(BrokerConfiguration, OtherMessagesFirstAreAnError) {
  auto sockets = seqpacket_pair();
  ASSERT_TRUE(sockets.has_value());
  ASSERT_TRUE(send_message(sockets->first.get(), encode(Notice{0, Attach{}})).has_value());
  EXPECT_FALSE(receive_configuration(sockets->second.get()).has_value());
  sockets->first.reset();
  EXPECT_FALSE(receive_configuration(sockets->second.get()).has_value());
}

}  // namespace
}  // namespace gotthard::broker
