// Outer packets that arrive in pieces: WireGuard's are sent without "don't fragment", and ESP's may
// be, so a path may cut them. Bounded in datagrams (of each source, too), pieces, bytes and time;
// when there are too many, the oldest go: what is not lost comes close together. Pieces that
// overlap end their datagram (RFC 5722, 3: for IPv4 too). The manager's thread.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "base/clock.h"
#include "dataplane/abi/records.h"
#include "dataplane/table/topology.h"
#include "dataplane/wire/fragment.h"

namespace gotthard::dataplane {

class Reassembly {
 public:
  static constexpr std::size_t kDatagrams = 256;
  static constexpr std::size_t kPerSource = 32;  // datagrams
  static constexpr std::size_t kPieces = 64;  // of one datagram: 65,535 bytes over an MTU of 1280
  static constexpr std::size_t kBytes = 4 << 20;  // held in all
  static constexpr Nanoseconds kWait = 2 * kSecond;

  struct Result {
    std::vector<wire::Packet> ours;    // frames with whole datagrams for tunnels
    std::vector<wire::Packet> others;  // frames as they came: the host puts those together
    std::size_t refused = 0;           // pieces that were given up
  };

  // A frame from `port` with a piece of a UDP datagram or of an ESP packet for a local address.
  [[nodiscard]] Result take(std::uint16_t port, std::span<const std::byte> frame,
                            const Topology& topology, Nanoseconds now);
  // Gives up what has waited too long; the number of pieces.
  [[nodiscard]] std::size_t expire(Nanoseconds now);
  [[nodiscard]] std::size_t bytes() const { return bytes_; }

 private:
  struct Key {
    std::uint16_t port = 0;
    std::uint32_t id = 0;
    std::uint8_t protocol = 0;  // RFC 791, 3.2: identifications are of one protocol
    abi::Address from, to;
    auto operator<=>(const Key&) const = default;
  };
  struct Held {
    std::uint32_t end = 0;
    wire::Packet frame;
  };
  struct Datagram {
    std::uint64_t number = 0;  // counts up: the smallest is the oldest
    Nanoseconds until = 0;
    bool for_host = false;     // the first piece said so
    std::uint32_t length = 0;  // once the last piece is here
    std::uint32_t received = 0;
    std::map<std::uint32_t, Held> pieces;  // by offset
  };
  using Datagrams = std::map<Key, Datagram>;

  std::size_t make_room(const Key& key, std::size_t bytes);
  std::size_t give_up(Datagrams::iterator which);
  [[nodiscard]] static bool fits(const Datagram& datagram, const wire::Piece& piece);
  void finish(Datagrams::iterator which, Result* result);

  Datagrams datagrams_;
  std::uint64_t last_number_ = 0;
  std::size_t bytes_ = 0;
};

}  // namespace gotthard::dataplane
