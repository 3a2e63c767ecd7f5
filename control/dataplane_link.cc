#include "control/dataplane_link.h"

#include <fcntl.h>
#include <sys/eventfd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "base/log.h"
#include "base/socket.h"
#include "crypto/secret.h"

namespace gotthard::control {
namespace {

void wipe(abi::Record* record) { crypto::wipe(std::as_writable_bytes(std::span(record, 1))); }

}  // namespace

void DataplaneLink::expect(UniqueFd socket) {
  detach();
  socket_ = std::move(socket);
}

Result<bool> DataplaneLink::on_socket() {
  bool closed = false;
  auto message = receive_message(socket_.get(), sizeof(abi::AttachMessage), false, &closed);
  if (!message) {
    return tl::unexpected(message.error());
  }
  if (closed) {
    return fail("the data plane has closed its attachment");
  }
  if (!*message || attached()) {
    return false;
  }
  if (const Status taken = take_over((*message)->bytes, std::move((*message)->fds)); !taken) {
    return tl::unexpected(taken.error());
  }
  return true;
}

Status DataplaneLink::take_over(std::span<const std::byte> bytes, std::vector<UniqueFd> fds) {
  abi::AttachMessage message;
  if (bytes.size() != sizeof(message) || fds.size() != abi::kAttachFds) {
    return fail("the data plane's attach message has {} bytes and {} descriptors", bytes.size(),
                fds.size());
  }
  std::memcpy(&message, bytes.data(), sizeof(message));
  if (message.version != abi::kVersion || message.rings_size != sizeof(abi::Rings) ||
      message.directory_size != sizeof(abi::Directory)) {
    return fail("the data plane is of another version ({}, ours is {}): restart the gateway",
                message.version, abi::kVersion);
  }
  auto rings = memfd_map(fds[0].get(), sizeof(abi::Rings), MapAccess::read_write, true);
  if (!rings) {
    return tl::unexpected(rings.error());
  }
  auto directory = memfd_map(fds[1].get(), sizeof(abi::Directory), MapAccess::read, false);
  if (!directory) {
    return tl::unexpected(directory.error());
  }
  const auto* seen = reinterpret_cast<const abi::Directory*>(directory->data());
  if (seen->header.version != abi::kVersion || seen->header.epoch != message.epoch ||
      seen->header.instance == 0 || seen->header.workers > abi::kMaxWorkers ||
      seen->header.ports > abi::kMaxPorts || seen->header.interfaces > abi::kMaxInterfaces) {
    return fail("the data plane's directory does not say what its attach message says");
  }
  // Control waits for nobody: neither to wake the manager nor to be woken.
  for (const int index : {2, 3}) {
    const int fd = fds[static_cast<std::size_t>(index)].get();
    const int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0) {
      return fail("cannot use the data plane's descriptors: {}", std::strerror(errno));
    }
  }
  rings_memory_ = std::move(*rings);
  directory_memory_ = std::move(*directory);
  wake_manager_ = std::move(fds[2]);
  wake_control_ = std::move(fds[3]);
  rings_ = reinterpret_cast<abi::Rings*>(rings_memory_.data());
  directory_ = reinterpret_cast<const abi::Directory*>(directory_memory_.data());
  commands_ = abi::RingProducer(&rings_->command);
  events_ = abi::RingConsumer(&rings_->event);
  punts_ = abi::RingConsumer(&rings_->punt);
  injected_ = abi::RingProducer(&rings_->inject);
  serial_ = 0;
  return {};
}

void DataplaneLink::detach() {
  rings_ = nullptr;
  directory_ = nullptr;
  rings_memory_ = Mapping();
  directory_memory_ = Mapping();
  wake_manager_.reset();
  wake_control_.reset();
  socket_.reset();
  for (abi::Record& record : queue_) {
    wipe(&record);
  }
  queue_.clear();
  held_.clear();
  punts_taken_ = 0;
  unflushed_ = false;
}

std::uint64_t DataplaneLink::send(const abi::CommandBody& command) {
  abi::Record record = abi::encode(command, ++serial_);
  unflushed_ = true;
  if (!queue_.empty() || !commands_.push(record)) {
    queue_.push_back(record);
  }
  wipe(&record);
  return serial_;
}

void DataplaneLink::push_queued() {
  while (!queue_.empty() && commands_.push(queue_.front())) {
    wipe(&queue_.front());
    queue_.pop_front();
    unflushed_ = true;
  }
  while (queue_.empty() && !held_.empty() && injected_.push(held_.front())) {
    held_.pop_front();
    unflushed_ = true;
  }
}

// The manager takes all commands before a packet, but sees only those that are in the ring: a
// packet that overtook its neighbour's command would be lost.
bool DataplaneLink::inject(const abi::PacketRecord& record) {
  if (!queue_.empty() || !held_.empty()) {
    if (held_.size() == kMaxHeld) {
      return false;
    }
    held_.push_back(record);
    return true;
  }
  unflushed_ = true;
  return injected_.push(record);
}

Status DataplaneLink::check() const {
  if (events_.broken() || punts_.broken()) {
    return fail("the data plane has written an index into a ring that cannot be");
  }
  if (queue_.size() > kMaxQueued) {
    return fail("the data plane takes no commands: {} are waiting", queue_.size());
  }
  return {};
}

Status DataplaneLink::poll() {
  if (!attached()) {
    return {};
  }
  eventfd_t value = 0;
  eventfd_read(wake_control_.get(), &value);
  // A callback may end the attachment: looked at anew each time.
  abi::Record record;
  for (std::size_t n = 0; attached() && n < abi::EventRing::kCapacity && events_.pop(&record);
       ++n) {
    if (const auto event = abi::decode_event(record)) {
      callbacks_.event(*event);
    } else {
      log::event(log::Level::warning, log::Subsystem::control, "event_invalid",
                 {{"type", record.type}});
    }
  }
  abi::PacketRecord packet;
  punts_taken_ = 0;
  while (attached() && punts_taken_ < abi::PuntRing::kCapacity && punts_.pop(&packet)) {
    ++punts_taken_;
    if (abi::valid(packet)) {
      callbacks_.punt(packet);
    } else {
      log::event(log::Level::warning, log::Subsystem::control, "punt_invalid",
                 {{"interface", packet.interface}, {"length", packet.length}});
    }
  }
  if (!attached()) {
    return {};
  }
  push_queued();
  return check();
}

void DataplaneLink::flush() {
  if (!attached()) {
    return;
  }
  push_queued();
  if (std::exchange(unflushed_, false)) {
    eventfd_write(wake_manager_.get(), 1);
  }
}

}  // namespace gotthard::control
