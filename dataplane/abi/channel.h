// How the processes meet. The supervisor makes a socket pair for each attachment and gives one end
// to each side; the manager makes the shared memory anew, sends it over the socket, and the two
// talk through the rings from then on. The end of the socket is the end of the attachment.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "dataplane/abi/limits.h"
#include "dataplane/abi/records.h"
#include "dataplane/abi/ring.h"

namespace gotthard::abi {

using CommandRing = RingMemory<Record, 4096>;
using EventRing = RingMemory<Record, 4096>;
using PuntRing = RingMemory<PacketRecord, 512>;
using InjectRing = RingMemory<PacketRecord, 512>;

// The writable memfd. Each side writes its own indices and what it produces.
struct Rings {
  CommandRing command;  // control -> manager
  EventRing event;      // manager -> control
  PuntRing punt;        // manager -> control
  InjectRing inject;    // control -> manager
};

// manager -> control, first message of an attachment, with the descriptors in this order: memfd of
// Rings (size-sealed), memfd of Directory (read-only), eventfd that wakes the manager, eventfd that
// wakes control.
inline constexpr std::size_t kAttachFds = 4;
struct AttachMessage {
  std::uint32_t version = kVersion;
  std::uint32_t unused = 0;
  std::uint64_t epoch = 0;
  std::uint64_t rings_size = sizeof(Rings);
  std::uint64_t directory_size = 0;  // sizeof(Directory)
};

// supervisor -> data plane, over the socket inherited as --supervisor-fd.
enum class HostMessageType : std::uint32_t {
  attach_control = 1,  // one descriptor: the manager's end of a new attachment
  stop = 2,
};
struct HostMessage {
  std::uint32_t version = kVersion;
  HostMessageType type = HostMessageType::stop;
};

// data plane -> supervisor.
enum class HostReplyType : std::uint32_t {
  ready = 1,   // ports are up, privileges dropped, workers polling
  failed = 2,  // cannot start; `text` says why, for the operator
};
struct HostReply {
  std::uint32_t version = kVersion;
  HostReplyType type = HostReplyType::ready;
  std::array<char, 496> text{};
  // ready: each port's Ethernet address, by port number, for its twin; zeros where there is no
  // port.
  std::array<std::array<std::uint8_t, 6>, kMaxPorts> macs{};
};

}  // namespace gotthard::abi
