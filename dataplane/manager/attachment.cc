#include "dataplane/manager/attachment.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <new>
#include <span>
#include <utility>

#include "base/socket.h"
#include "crypto/secret.h"

namespace gotthard::dataplane {

Result<std::unique_ptr<Attachment>> Attachment::make(UniqueFd socket, std::uint64_t epoch) {
  auto rings_fd = memfd_create_sized("gotthard-rings", sizeof(abi::Rings));
  auto directory_fd = memfd_create_sized("gotthard-directory", sizeof(abi::Directory));
  if (!rings_fd || !directory_fd) {
    return tl::unexpected(rings_fd ? directory_fd.error() : rings_fd.error());
  }
  std::unique_ptr<Attachment> result(new Attachment());
  // The directory's own mapping comes before its write seal, which stops all later ones.
  if (const Status sealed = memfd_seal_size(rings_fd->get()); !sealed) {
    return tl::unexpected(sealed.error());
  }
  auto rings = memfd_map(rings_fd->get(), sizeof(abi::Rings), MapAccess::read_write, true);
  if (!rings) {
    return tl::unexpected(rings.error());
  }
  auto directory = memfd_map_unsealed(directory_fd->get(), sizeof(abi::Directory));
  if (!directory) {
    return tl::unexpected(directory.error());
  }
  if (const Status sealed = memfd_seal_read_only(directory_fd->get()); !sealed) {
    return tl::unexpected(sealed.error());
  }
  result->socket_ = std::move(socket);
  result->rings_fd_ = std::move(*rings_fd);
  result->directory_fd_ = std::move(*directory_fd);
  result->wake_manager_ = UniqueFd(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  result->wake_control_ = UniqueFd(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!result->wake_manager_ || !result->wake_control_) {
    return fail("cannot create eventfds for an attachment");
  }
  result->rings_memory_ = std::move(*rings);
  result->directory_memory_ = std::move(*directory);
  auto* memory = new (result->rings_memory_.data()) abi::Rings;
  result->directory_ = new (result->directory_memory_.data()) abi::Directory;
  result->commands_ = abi::RingConsumer(&memory->command);
  result->events_ = abi::RingProducer(&memory->event);
  result->punts_ = abi::RingProducer(&memory->punt);
  result->injected_ = abi::RingConsumer(&memory->inject);
  result->epoch_ = epoch;
  return result;
}

Status Attachment::announce() {
  const abi::AttachMessage message{.epoch = epoch_, .directory_size = sizeof(abi::Directory)};
  const std::array<int, abi::kAttachFds> fds = {rings_fd_.get(), directory_fd_.get(),
                                                wake_manager_.get(), wake_control_.get()};
  return send_message(socket_.get(), std::as_bytes(std::span(&message, 1)), fds);
}

std::optional<abi::CommandBody> Attachment::next_command(std::uint64_t* serial, bool* refused) {
  abi::Record record;
  const bool there = commands_.pop(&record, /*wipe=*/true);
  // Made where the caller has it: a copy with keys would stay on the stack.
  std::optional<abi::CommandBody> body = there ? abi::decode_command(record) : std::nullopt;
  *serial = there ? record.serial : *serial;
  *refused = there && !body.has_value();
  crypto::wipe(std::as_writable_bytes(std::span(&record, 1)));
  return body;
}

std::optional<abi::PacketRecord> Attachment::next_injected(bool* refused) {
  abi::PacketRecord record;
  *refused = false;
  if (!injected_.pop(&record)) {
    return std::nullopt;
  }
  if (!abi::valid(record)) {
    *refused = true;
    return std::nullopt;
  }
  return record;
}

bool Attachment::send(const abi::EventBody& event) {
  const bool sent = events_.push(abi::encode(event, ++event_serial_));
  unflushed_ |= sent;
  return sent;
}

bool Attachment::punt(const abi::PacketRecord& record) {
  const bool sent = punts_.push(record);
  unflushed_ |= sent;
  return sent;
}

void Attachment::flush() {
  if (std::exchange(unflushed_, false)) {
    eventfd_write(wake_control_.get(), 1);
  }
}

void Attachment::clear_wake() {
  eventfd_t value = 0;
  eventfd_read(wake_manager_.get(), &value);
}

}  // namespace gotthard::dataplane
