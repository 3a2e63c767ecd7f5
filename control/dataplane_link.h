// Control's end of an attachment to the data plane: rings and directory in shared memory that the
// manager made. Nothing here waits, and nothing that is read is trusted.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <span>
#include <vector>

#include "base/fd.h"
#include "base/memfd.h"
#include "base/result.h"
#include "dataplane/abi/channel.h"
#include "dataplane/abi/directory.h"

namespace gotthard::control {

class DataplaneLink {
 public:
  struct Callbacks {
    std::function<void(const abi::EventBody&)> event;
    std::function<void(const abi::PacketRecord&)> punt;
  };

  explicit DataplaneLink(Callbacks callbacks) : callbacks_(std::move(callbacks)) {}
  ~DataplaneLink() { detach(); }
  DataplaneLink(const DataplaneLink&) = delete;
  DataplaneLink& operator=(const DataplaneLink&) = delete;

  // A new attachment's socket: the manager's message will come over it. What was queued for the old
  // one is dropped.
  void expect(UniqueFd socket);
  // The socket is readable: the manager's message, or the end. True: attached just now. After an
  // error the attachment is of no use: detach().
  Result<bool> on_socket();
  void detach();

  [[nodiscard]] bool attached() const { return rings_ != nullptr; }
  [[nodiscard]] int socket() const { return socket_.get(); }
  [[nodiscard]] int wake_fd() const { return wake_control_.get(); }

  // Sends a command, at once or as soon as the ring has room; its serial. Only while attached().
  std::uint64_t send(const abi::CommandBody& command);
  // After the commands that were sent before it. False: the ring is full, the packet is lost as on
  // any network. Only while attached().
  bool inject(const abi::PacketRecord& record);

  // Takes what the manager has sent (the wake descriptor is readable, or by and by), at most a
  // ring's worth of each, and goes on with what is queued. Callbacks may send. An error: the
  // manager has written what it cannot have written, or takes no commands any more.
  Status poll();
  // Wakes the manager when something was sent since the last call.
  void flush();

  [[nodiscard]] const abi::Directory* directory() const { return directory_; }
  // In this poll() so far, or in the last: how deep the manager's ring was.
  [[nodiscard]] std::size_t punts_taken() const { return punts_taken_; }
  [[nodiscard]] std::size_t queued() const { return queue_.size(); }

  // What the largest tables come to, twice over; and packets that wait for them.
  static constexpr std::size_t kMaxQueued = 2U << 20;
  static constexpr std::size_t kMaxHeld = 256;

 private:
  Status take_over(std::span<const std::byte> bytes, std::vector<UniqueFd> fds);
  void push_queued();
  [[nodiscard]] Status check() const;

  Callbacks callbacks_;
  UniqueFd socket_;
  UniqueFd wake_manager_;
  UniqueFd wake_control_;
  Mapping rings_memory_;
  Mapping directory_memory_;
  abi::Rings* rings_ = nullptr;
  const abi::Directory* directory_ = nullptr;
  abi::RingProducer<abi::Record, abi::CommandRing::kCapacity> commands_;
  abi::RingConsumer<abi::Record, abi::EventRing::kCapacity> events_;
  abi::RingConsumer<abi::PacketRecord, abi::PuntRing::kCapacity> punts_;
  abi::RingProducer<abi::PacketRecord, abi::InjectRing::kCapacity> injected_;
  std::deque<abi::Record> queue_;
  std::deque<abi::PacketRecord> held_;  // until queue_ is empty
  std::uint64_t serial_ = 0;
  std::size_t punts_taken_ = 0;
  bool unflushed_ = false;
};

}  // namespace gotthard::control
