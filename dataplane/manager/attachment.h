// One attachment of control: the shared memory made anew for it, the rings in it, and the two
// eventfds that wake each side.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "base/fd.h"
#include "base/memfd.h"
#include "base/result.h"
#include "dataplane/abi/channel.h"
#include "dataplane/abi/directory.h"

namespace gotthard::dataplane {

class Attachment {
 public:
  // Makes rings and directory and sends them over `socket`, which it owns from then on. The caller
  // fills the directory's header through `fill` before control gets to see it.
  template <typename Fill>
  static Result<std::unique_ptr<Attachment>> create(UniqueFd socket, std::uint64_t epoch,
                                                    Fill&& fill) {
    auto made = make(std::move(socket), epoch);
    if (made) {
      fill(&(*made)->directory());
      if (const Status sent = (*made)->announce(); !sent) {
        return tl::unexpected(sent.error());
      }
    }
    return made;
  }

  // The next valid command; the record is wiped from the ring and from what this class holds. A
  // record that does not decode is told in `*refused` (its serial) and skipped.
  std::optional<abi::CommandBody> next_command(std::uint64_t* serial, bool* refused);
  std::optional<abi::PacketRecord> next_injected(bool* refused);
  // False: the ring is full and the event is lost.
  bool send(const abi::EventBody& event);
  bool punt(const abi::PacketRecord& record);
  // Wakes control when something was sent since the last call.
  void flush();

  [[nodiscard]] abi::Directory& directory() { return *directory_; }
  [[nodiscard]] int socket() const { return socket_.get(); }
  [[nodiscard]] int wake_fd() const { return wake_manager_.get(); }
  void clear_wake();
  [[nodiscard]] std::uint64_t epoch() const { return epoch_; }

 private:
  Attachment() = default;
  static Result<std::unique_ptr<Attachment>> make(UniqueFd socket, std::uint64_t epoch);
  Status announce();

  UniqueFd socket_;
  UniqueFd rings_fd_;
  UniqueFd directory_fd_;
  UniqueFd wake_manager_;
  UniqueFd wake_control_;
  Mapping rings_memory_;
  Mapping directory_memory_;
  abi::Directory* directory_ = nullptr;
  abi::RingConsumer<abi::Record, abi::CommandRing::kCapacity> commands_;
  abi::RingProducer<abi::Record, abi::EventRing::kCapacity> events_;
  abi::RingProducer<abi::PacketRecord, abi::PuntRing::kCapacity> punts_;
  abi::RingConsumer<abi::PacketRecord, abi::InjectRing::kCapacity> injected_;
  std::uint64_t epoch_ = 0;
  std::uint64_t event_serial_ = 0;
  bool unflushed_ = false;
};

}  // namespace gotthard::dataplane
