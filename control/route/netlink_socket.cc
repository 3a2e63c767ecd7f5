#include "control/route/netlink_socket.h"

#include <linux/netlink.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

namespace gotthard::route {
namespace {

// The kernel makes dump datagrams as long as the longest buffer it was ever offered, 32 KiB at
// most; a notification is smaller.
constexpr std::size_t kBufferSize = 65536;

bool send_request(int fd, std::span<const std::byte> bytes) {
  sockaddr_nl kernel{};
  kernel.nl_family = AF_NETLINK;
  const auto sent = sendto(fd, bytes.data(), bytes.size(), MSG_DONTWAIT,
                           reinterpret_cast<const sockaddr*>(&kernel), sizeof(kernel));
  return sent == static_cast<ssize_t>(bytes.size());
}

}  // namespace

NetlinkSocket::NetlinkSocket(int fd, NetlinkFollower::ChangeSink changes)
    : fd_(fd),
      buffer_(kBufferSize),
      follower_(std::move(changes),
                [fd](std::span<const std::byte> bytes) { return send_request(fd, bytes); }) {}

Status NetlinkSocket::on_readable(Nanoseconds now) {
  for (int i = 0; i < kBatch; ++i) {
    sockaddr_nl sender{};
    iovec part{buffer_.data(), buffer_.size()};
    msghdr message{};
    message.msg_name = &sender;
    message.msg_namelen = sizeof(sender);
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    const ssize_t length = recvmsg(fd_, &message, MSG_DONTWAIT);
    if (length < 0) {
      if (errno == EAGAIN || errno == EWOULDBLOCK) {
        return {};
      }
      if (errno == EINTR) {
        continue;
      }
      if (errno == ENOBUFS) {
        follower_.on_overrun(now);
        continue;
      }
      return fail("Cannot read the netlink socket: {}. Restart the gateway.", std::strerror(errno));
    }
    if ((message.msg_flags & MSG_TRUNC) != 0) {
      follower_.on_overrun(now);
      continue;
    }
    follower_.on_datagram({buffer_.data(), static_cast<std::size_t>(length)},
                          message.msg_namelen == sizeof(sender) && sender.nl_pid == 0, now);
  }
  return {};
}

}  // namespace gotthard::route
