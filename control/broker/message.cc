#include "control/broker/message.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace gotthard::broker {
namespace {

struct Header {
  std::uint16_t version = kVersion;
  std::uint16_t type = 0;  // the alternative's index
  std::uint32_t unused = 0;
  std::uint64_t id = 0;
};

template <std::size_t N>
bool ok(const Text<N>& text) {
  const auto end = std::find(text.begin(), text.end(), '\0');
  return end != text.end() && std::all_of(end, text.end(), [](char c) { return c == '\0'; });
}

bool ok(const abi::Address& a) {
  return a.family == abi::Family::ipv6 ||
         (a.family == abi::Family::ipv4 &&
          std::all_of(a.bytes.begin() + 4, a.bytes.end(),
                      [](std::uint8_t byte) { return byte == 0; }));
}

bool host_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '_' || c == '.';
}

bool ok(Outcome outcome) { return outcome <= Outcome::in_use; }

bool ok(const Ready&) { return true; }
bool ok(const ResolveNeighbour& b) {
  return abi::vlan_of(b.port) <= abi::kHighestVlan && ok(b.address);
}
bool ok(const ResolveName& b) {
  const std::string_view name = view(b.name);
  return ok(b.name) && !name.empty() && std::all_of(name.begin(), name.end(), host_character);
}
bool ok(const SetLogLevel& b) {
  return b.subsystem < log::Subsystem::count && b.level <= log::Level::off;
}

bool ok(const Reload& b) {
  return b.mode > ReloadMode::start && b.mode <= ReloadMode::difference &&
         b.confirm_seconds <= kMaxConfirmSeconds;
}
bool ok(const Confirm&) { return true; }
bool ok(const Reloaded& b) { return b.done <= 1; }

bool ok(const TunnelPrefix& b) {
  const std::size_t bits = b.address.family == abi::Family::ipv4 ? 32 : 128;
  if (!ok(b.address) || b.length > bits || b.claimed > 1) {
    return false;
  }
  for (std::size_t bit = b.length; bit < bits; ++bit) {
    if ((b.address.bytes[bit / 8] & 0x80 >> bit % 8) != 0) {
      return false;
    }
  }
  return true;
}
bool ok(const TunnelPrefixes& b) {
  return b.interface < abi::kMaxInterfaces && b.count <= b.prefixes.size() && b.whole <= 1 &&
         b.last <= 1 &&
         std::all_of(b.prefixes.begin(), b.prefixes.begin() + b.count,
                     [](const TunnelPrefix& prefix) { return ok(prefix); });
}
bool ok(const ListenPorts& b) {
  return std::ranges::all_of(b.ranges, [](const PortRange& range) {
    return range.count == 0 || (range.first != 0 && range.count <= abi::kMaxSourcePorts &&
                                range.first + range.count <= UINT16_MAX + 1);
  });
}

bool absolute(std::string_view path) { return path.starts_with('/'); }
bool ok(const Configuration& b) {
  return b.mode <= ReloadMode::difference && ok(b.path) && !view(b.path).empty();
}
bool ok(const KeyFile& b) { return ok(b.path) && absolute(view(b.path)); }
bool ok(const Attach&) { return true; }
bool ok(const Answer& b) { return ok(b.outcome) && ok(b.reason); }
bool ok(const NameResolved& b) {
  return ok(b.outcome) && b.count <= b.addresses.size() && ok(b.reason) &&
         std::all_of(b.addresses.begin(), b.addresses.begin() + b.count,
                     [](const abi::Address& address) { return ok(address); });
}

template <typename Message>
std::vector<std::byte> encode_message(const Message& message) {
  Header header;
  header.type = static_cast<std::uint16_t>(message.body.index());
  header.id = message.id;
  return std::visit(
      [&]<typename Body>(const Body& body) {
        static_assert(std::is_trivially_copyable_v<Body>);
        static_assert(sizeof(Header) + sizeof(Body) <= kMaxMessage);
        std::vector<std::byte> bytes(sizeof(Header) + sizeof(Body));
        std::memcpy(bytes.data(), &header, sizeof(Header));
        std::memcpy(bytes.data() + sizeof(Header), &body, sizeof(Body));
        return bytes;
      },
      message.body);
}

template <typename Body>
std::optional<Body> decode_body(std::span<const std::byte> bytes) {
  Body body;
  if (bytes.size() != sizeof(Body)) {
    return std::nullopt;
  }
  std::memcpy(&body, bytes.data(), sizeof(Body));
  return ok(body) ? std::optional(body) : std::nullopt;
}

template <typename Message, typename Variant, std::size_t... I>
std::optional<Message> decode_message(std::span<const std::byte> bytes, std::index_sequence<I...>) {
  Header header;
  if (bytes.size() < sizeof(Header)) {
    return std::nullopt;
  }
  std::memcpy(&header, bytes.data(), sizeof(Header));
  if (header.version != kVersion || header.unused != 0) {
    return std::nullopt;
  }
  std::optional<Message> message;
  const auto rest = bytes.subspan(sizeof(Header));
  const auto take = [&]<typename Body>(std::optional<Body> body) {
    if (body) {
      message = Message{header.id, *body};
    }
    return true;
  };
  (void)((header.type == I && take(decode_body<std::variant_alternative_t<I, Variant>>(rest))) ||
         ...);
  return message;
}

}  // namespace

std::vector<std::byte> encode(const Request& request) { return encode_message(request); }
std::vector<std::byte> encode(const Notice& notice) { return encode_message(notice); }

std::optional<Request> decode_request(std::span<const std::byte> bytes) {
  return decode_message<Request, RequestBody>(
      bytes, std::make_index_sequence<std::variant_size_v<RequestBody>>());
}

std::optional<Notice> decode_notice(std::span<const std::byte> bytes) {
  return decode_message<Notice, NoticeBody>(
      bytes, std::make_index_sequence<std::variant_size_v<NoticeBody>>());
}

}  // namespace gotthard::broker
