// Children that IKE makes: their SAs, and what was negotiated with them.
#include <arpa/inet.h>

#include <algorithm>
#include <cstring>

#include "control/config/ike_suites.h"
#include "control/ipsec/children.h"
#include "control/ipsec/ike_settings.h"
#include "crypto/bytes.h"
#include "crypto/secret.h"

namespace gotthard::control {

std::optional<std::uint32_t> Children::find(const std::string& connection,
                                            const std::string& child) const {
  const auto found = by_name_.find(connection + "/" + child);
  return found == by_name_.end() ? std::nullopt : std::optional(found->second);
}

std::vector<std::uint32_t> Children::of(const std::string& connection) const {
  std::vector<std::uint32_t> numbers;
  const std::string prefix = connection + "/";
  for (auto at = by_name_.lower_bound(prefix);
       at != by_name_.end() && at->first.starts_with(prefix); ++at) {
    numbers.push_back(at->second);
  }
  return numbers;
}

bool Children::install(std::uint32_t number, const ike::InstallChild& sa) {
  const auto found = children_.find(number);
  const auto suite = config::esp_suite_of(sa.suite);
  if (found == children_.end() || !suite || sa.local_ts.selectors.size() > abi::kMaxSelectors ||
      sa.remote_ts.selectors.size() > abi::kMaxSelectors) {
    return false;
  }
  IpsecChild& child = found->second;
  child.in_udp = sa.udp;
  child.suite = suite;
  move_to(number, sa.path);
  if (child.local_ts != sa.local_ts || child.remote_ts != sa.remote_ts) {
    child.local_ts = sa.local_ts;
    child.remote_ts = sa.remote_ts;
    send_selectors(child);
  }
  send_sa(child, sa, *suite);
  return true;
}

void Children::adopt(std::uint32_t number, const ike::ChildStatus& negotiated,
                     const ike::Path& path) {
  IpsecChild& child = children_.at(number);
  child.in_udp = negotiated.udp;
  child.suite = config::esp_suite_of(negotiated.suite);
  child.local_ts = negotiated.local_ts;
  child.remote_ts = negotiated.remote_ts;
  child.remote = path.remote;
  if (negotiated.udp) {
    child.remote_port = htons(path.remote_port);
  }
  links_.fib->set_endpoint(child.interface, number, path.remote, path.local);
}

void Children::move_to(std::uint32_t number, const ike::Path& path) {
  IpsecChild& child = children_.at(number);
  child.remote = path.remote;
  if (path.remote_port != 0) {
    child.remote_port = htons(path.remote_port);
  }
  links_.fib->set_endpoint(child.interface, number, path.remote, path.local);
  links_.fib->flush(boottime_now());
  send_child(child);
}

void Children::send_sa(const IpsecChild& child, const ike::InstallChild& sa,
                       const config::EspSuite& suite) {
  abi::CommandBody body = abi::SaInstall{
      .local_id = sa.local_spi,
      .remote_id = sa.remote_spi,
      .peer = child.number,
      .window = sa.replay_window != 0 ? sa.replay_window : config_->dataplane.replay_window,
      .suite = suite.suite,
      .use = sa.use,
      .options = static_cast<std::uint8_t>((suite.extended ? abi::kExtendedSequence : 0) |
                                           (sa.transport ? abi::kTransportMode : 0)),
      .hard_packets = sa.hard.packets,
      .hard_bytes = sa.hard.bytes,
      .soft_packets = sa.soft.packets,
      .soft_bytes = sa.soft.bytes,
      .reject_after_ns =
          sa.life_time == 0 ? kForever : std::min<std::uint64_t>(sa.life_time, kForever)};
  auto& command = std::get<abi::SaInstall>(body);
  command.erase_after_ns = command.reject_after_ns;
  // The MAC's key follows the cipher's; an AEAD's has its salt at its end, and no MAC.
  const auto put = [](const ike::EspKeys& keys, auto* to) {
    std::memcpy(to->data(), keys.encryption.bytes().data(), keys.encryption.size());
    std::memcpy(to->data() + keys.encryption.size(), keys.integrity.bytes().data(),
                keys.integrity.size());
    return static_cast<std::uint8_t>(keys.encryption.size() + keys.integrity.size());
  };
  command.key_length = put(sa.send, &command.send_key);
  (void)put(sa.receive, &command.receive_key);
  links_.dataplane->send(body);
  crypto::wipe(crypto::writable_bytes_of(command.send_key));
  crypto::wipe(crypto::writable_bytes_of(command.receive_key));
}

}  // namespace gotthard::control
