// What control may ask of the supervisor, and what the supervisor tells control: typed messages of
// a fixed size per type over SOCK_SEQPACKET, host byte order. The supervisor keeps privileges and
// control parses the network, so every field of a request is checked, and a request can name only
// what the configuration has: no message carries a path to open or a device to touch.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>
#include <vector>

#include "base/log.h"
#include "base/result.h"
#include "dataplane/abi/records.h"

namespace gotthard::broker {

inline constexpr std::uint16_t kVersion = 1;
inline constexpr std::size_t kMaxPath = 4096;     // as PATH_MAX, the ending zero included
inline constexpr std::size_t kMaxHostName = 256;  // RFC 1035 2.3.4: 253 and the ending zero
inline constexpr std::size_t kMaxAddresses = 16;  // of one name
inline constexpr std::size_t kMaxReasonText = 1024;
inline constexpr std::uint32_t kMaxConfirmSeconds = 86400;

template <std::size_t N>
using Text = std::array<char, N>;  // ends with a zero, zeros after it

// Cut to what fits.
template <std::size_t N>
[[nodiscard]] Text<N> to_text(std::string_view from) {
  Text<N> text{};
  from.copy(text.data(), N - 1);
  return text;
}
template <std::size_t N>
[[nodiscard]] std::string_view view(const Text<N>& text) {
  return {text.data(), strnlen(text.data(), N)};
}

// ---------------------------------------------------------------- control -> supervisor

// Control has its configuration, is attached to the data plane and answers operators.
struct Ready {
  std::uint64_t unused = 0;
};

// Answered by Answer. `port` is the number of a [[port]] or VLAN of one (abi::link_of): the
// kernel's neighbour table of its twin, or of its twin's VLAN.
struct ResolveNeighbour {
  std::uint16_t port = 0;
  std::array<std::uint8_t, 5> unused{};
  abi::Address address;
};

// Answered by NameResolved. Letters, digits, '-', '_' and '.' only.
struct ResolveName {
  Text<kMaxHostName> name{};
};

// Answered by Answer. Level of the supervisor's own log lines (control and data plane have theirs).
struct SetLogLevel {
  log::Subsystem subsystem = log::Subsystem::supervisor;
  log::Level level = log::Level::info;
  std::array<std::uint8_t, 6> unused{};
};

enum class ReloadMode : std::uint32_t {
  start = 0,      // the first configuration, which nothing is compared with
  apply = 1,      // what it changes takes effect
  compare = 2,    // with the last one: what apply would change is said, nothing is changed
  difference = 3  // with what runs, live changes included: the same
};

// Answered by a Configuration of that id, read anew from the file that `gotthard up` was given, or
// by Answer when it cannot be read. Not `start`.
struct Reload {
  ReloadMode mode = ReloadMode::apply;
  std::uint32_t confirm_seconds =
      0;  // the last one comes back after them unless Confirm does; 0: no
};

// Answered by Answer.
struct Confirm {
  std::uint64_t unused = 0;
};

// Answered by Answer, once the host follows. What became of a Configuration that came after the
// first.
struct Reloaded {
  std::uint64_t configuration = 0;  // its id
  std::uint32_t done = 0;           // 1: it is in force, or was compared; 0: nothing was changed
  std::uint32_t unused = 0;
};

// What the peers of a tunnel may be sent, where it changed: the kernel's routes follow, by the
// interface's `routes`, and so do the blackholes. A statement may need several parts; each is
// answered by Answer, the last one's when the host has followed.
inline constexpr std::size_t kPrefixesAPart = 200;
struct TunnelPrefix {
  abi::Address address;  // host bits zero
  std::uint8_t length = 0;
  std::uint8_t claimed = 1;  // 0: not any more
  bool operator==(const TunnelPrefix&) const = default;
};
struct TunnelPrefixes {
  std::uint16_t interface = 0;  // the [[wireguard]]'s number
  std::uint16_t count = 0;
  std::uint8_t whole = 0;  // 1: the statement says all; what it does not name is claimed no more
  std::uint8_t last = 1;   // of the statement's parts
  std::array<std::uint8_t, 2> unused{};
  std::array<TunnelPrefix, kPrefixesAPart> prefixes{};
};

// Answered by Answer. All that the tunnels listen at from now on, which the supervisor keeps the
// host's other programs from; `in_use` when one of them has some of it: then nothing changes.
struct PortRange {
  std::uint16_t first = 0;  // host byte order
  std::uint16_t count = 0;  // 0: there is no such interface
  bool operator==(const PortRange&) const = default;
};
struct ListenPorts {
  std::array<PortRange, abi::kMaxInterfaces> ranges{};  // index: interface number
};

using RequestBody = std::variant<Ready, ResolveNeighbour, ResolveName, SetLogLevel, Reload, Confirm,
                                 Reloaded, TunnelPrefixes, ListenPorts>;

// ---------------------------------------------------------------- supervisor -> control

// The first message, and what a reload brings, with one descriptor: a memfd (sealed, also against
// writing) that holds the TOML text. `key_files` messages of type KeyFile follow.
struct Configuration {
  std::uint32_t text_size = 0;
  std::uint32_t key_files = 0;
  ReloadMode mode = ReloadMode::start;
  std::uint32_t unused = 0;
  Text<kMaxPath> path{};  // as given to `gotthard up`; base of relative names
};
// One descriptor, open for reading. The same open file is given to the next control after a crash:
// read it with pread().
struct KeyFile {
  std::uint64_t unused = 0;
  Text<kMaxPath> path{};  // absolute, as config::parse gives it
};

// One descriptor: control's end of the attachment to a new data plane process. The old one is dead.
struct Attach {
  std::uint64_t unused = 0;
};

enum class Outcome : std::uint32_t {
  done = 0,
  invalid = 1,       // a field names nothing that the supervisor has
  rate_limited = 2,  // asked too often; ask again later
  failed = 3,        // the kernel or the resolver refused; the text says why
  in_use = 4,        // another program of the host has it; the text says what
};
struct Answer {
  Outcome outcome = Outcome::done;
  std::uint32_t unused = 0;
  Text<kMaxReasonText> reason{};  // empty when done
};
struct NameResolved {
  Outcome outcome = Outcome::done;
  std::uint32_t count = 0;
  std::array<abi::Address, kMaxAddresses> addresses{};
  Text<kMaxReasonText> reason{};
};

using NoticeBody = std::variant<Configuration, KeyFile, Attach, Answer, NameResolved>;

// ---------------------------------------------------------------- on the wire

// `id` is the asker's and comes back in the answer; 0 for what is not an answer.
struct Request {
  std::uint64_t id = 0;
  RequestBody body;
};
struct Notice {
  std::uint64_t id = 0;
  NoticeBody body;
};

// Longest message of either direction: the limit for receive_message().
inline constexpr std::size_t kMaxMessage = 16 + kMaxPath + 16;

[[nodiscard]] std::vector<std::byte> encode(const Request& request);
[[nodiscard]] std::vector<std::byte> encode(const Notice& notice);
// Nothing when version, type, length, an enum, a text or a range is not as above.
[[nodiscard]] std::optional<Request> decode_request(std::span<const std::byte> bytes);
[[nodiscard]] std::optional<Notice> decode_notice(std::span<const std::byte> bytes);

}  // namespace gotthard::broker
