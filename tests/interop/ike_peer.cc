// Runs the IKE engine on UDP sockets, against another implementation: no data plane, every child is
// taken. Says what happens, a line each; reads commands from its input.
//   ike_peer LOCAL REMOTE OPTION...      commands: initiate, rekey-ike, rekey-child, reauth,
//                                        terminate [CHILD], sas, quit
#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstring>
#include <deque>
#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <vector>

#include "control/config/config.h"
#include "control/ike/auth/auth_data.h"
#include "control/ike/proposal/proposal_text.h"
#include "control/ike/sa/engine.h"
#include "crypto/init.h"
#include "crypto/random.h"

namespace {

using namespace gotthard;
using namespace gotthard::ike;

[[noreturn]] void die(const std::string& why) {
  fmt::print(stderr, "ike_peer: {}\n", why);
  std::exit(2);
}

template <typename T>
T must(Result<T> result) {
  if (!result) {
    die(result.error().message);
  }
  return std::move(*result);
}

std::vector<std::byte> file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  const std::string text((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  if (!in) {
    die("cannot read " + path);
  }
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

crypto::SecretBytes secret(const std::string& text) {
  return crypto::SecretBytes::copy_of(std::as_bytes(std::span(text)));
}

std::vector<TrafficSelector> selectors(const std::string& text) {
  std::vector<TrafficSelector> result;
  for (std::size_t at = 0; at <= text.size() && !text.empty();) {
    const std::size_t end = std::min(text.find(',', at), text.size());
    const auto parsed = must(config::parse_selector(text.substr(at, end - at)));
    abi::Address last = parsed.prefix.address;
    const unsigned bits = last.family == abi::Family::ipv4 ? 32 : 128;
    for (unsigned bit = parsed.prefix.length; bit < bits; ++bit) {
      last.bytes[bit / 8] |= static_cast<std::uint8_t>(0x80U >> (bit % 8));
    }
    result.push_back(
        {parsed.protocol, parsed.first_port, parsed.last_port, parsed.prefix.address, last});
    at = end + 1;
  }
  return result;
}

using Options = std::map<std::string, std::string>;

std::string option(const Options& options, const std::string& name, const std::string& otherwise) {
  const auto found = options.find(name);
  return found == options.end() ? otherwise : found->second;
}

ConnectionSettings settings_of(const abi::Address& local, const std::string& remote,
                               const Options& options) {
  const auto seconds = [&](const std::string& name, const std::string& otherwise) {
    return std::stoull(option(options, name, otherwise)) * kSecond;
  };
  ConnectionSettings made;
  made.name = "peer";
  made.local = local;
  if (remote != "any") {
    made.remotes = {must(config::parse_address(remote))};
  }
  made.local_auth.id = must(parse_identity(option(options, "id", "gwA.test")));
  made.remote_auth.id = must(IdentityPattern::parse(option(options, "remote-id", "any")));
  if (options.contains("cert")) {
    made.local_auth.kind = AuthKind::certificate;
    made.local_auth.chain = must(crypto::Certificate::parse_file(file(options.at("cert"))));
    made.local_auth.key = must(crypto::SigningKey::parse(file(options.at("key"))));
    if (options.contains("scheme")) {
      made.local_auth.scheme = parse_scheme(options.at("scheme"));
    }
  }
  if (options.contains("ca")) {
    made.remote_auth.kind = AuthKind::certificate;
    auto trust = std::make_shared<crypto::TrustStore>();
    for (const auto& certificate : must(crypto::Certificate::parse_file(file(options.at("ca"))))) {
      trust->add_anchor(certificate);
    }
    if (options.contains("crl")) {
      if (const Status added = trust->add_revocation_lists(file(options.at("crl"))); !added) {
        die(added.error().message);
      }
    }
    made.remote_auth.trust = trust;
  }
  made.local_auth.psk = secret(option(options, "psk", "correct horse battery staple"));
  made.remote_auth.psk = secret(option(options, "psk", "correct horse battery staple"));
  made.proposals =
      must(parse_proposals({option(options, "proposals", "default")}, Protocol::ike, true));
  made.rekey_time = seconds("rekey", "14400");
  made.reauth_time = seconds("reauth", "0");
  made.dpd_delay = seconds("dpd", "0");
  made.fragmentation = option(options, "fragmentation", "yes") == "yes";
  made.encapsulation = option(options, "encap", "no") == "yes" ? UdpEncapsulation::forced
                                                               : UdpEncapsulation::automatic;
  ChildSettings child{.name = "net"};
  child.local_ts = selectors(option(options, "local-ts", ""));
  child.remote_ts = selectors(option(options, "remote-ts", ""));
  child.proposals = must(parse_proposals({option(options, "esp", "default")}, Protocol::esp, true));
  child.mode =
      option(options, "mode", "tunnel") == "transport" ? ChildMode::transport : ChildMode::tunnel;
  child.rekey_time = seconds("child-rekey", "3600");
  made.children.push_back(std::move(child));
  return made;
}

class Peer {
 public:
  // `delay`: of all that is sent, so that exchanges cross.
  Peer(const std::string& local, Nanoseconds delay)
      : local_(must(config::parse_address(local))), delay_(delay) {
    plain_ = open_socket(500);
    marked_ = open_socket(4500);
  }

  [[nodiscard]] const abi::Address& local() const { return local_; }
  [[nodiscard]] Engine& engine() { return engine_; }
  [[nodiscard]] static Time now() { return {boottime_now(), realtime_now()}; }

  void perform(Actions actions) {
    for (Action& action : actions) {
      std::visit([this](auto& one) { perform_one(one); }, action);
    }
  }
  void perform(Result<Actions> actions) {
    if (actions) {
      perform(std::move(*actions));
    } else {
      say("error {}", actions.error().message);
    }
  }

  void run() {
    Nanoseconds tick = 0;
    while (!quit_) {
      std::array<pollfd, 3> ready{{{0, POLLIN, 0}, {plain_, POLLIN, 0}, {marked_, POLLIN, 0}}};
      poll(ready.data(), ready.size(), delayed_.empty() ? 50 : 1);
      send_delayed();
      if ((ready[1].revents & POLLIN) != 0) {
        receive(plain_, 500);
      }
      if ((ready[2].revents & POLLIN) != 0) {
        receive(marked_, 4500);
      }
      if ((ready[0].revents & (POLLIN | POLLHUP)) != 0) {
        read_command();
      }
      if (boottime_now() - tick > 100 * kMillisecond) {
        tick = boottime_now();
        perform(engine_.on_tick(now()));
      }
    }
  }

 private:
  template <typename... Args>
  static void say(fmt::format_string<Args...> format, Args&&... args) {
    fmt::print(format, std::forward<Args>(args)...);
    fmt::print("\n");
    std::fflush(stdout);
  }

  int open_socket(std::uint16_t port) {
    const int fd = socket(AF_INET, SOCK_DGRAM, 0);
    const sockaddr_in at = to_native(local_, port);
    if (fd < 0 || bind(fd, reinterpret_cast<const sockaddr*>(&at), sizeof(at)) != 0) {
      die(fmt::format("cannot listen at port {}", port));
    }
    return fd;
  }
  static sockaddr_in to_native(const abi::Address& address, std::uint16_t port) {
    sockaddr_in native{};
    native.sin_family = AF_INET;
    native.sin_port = htons(port);
    std::memcpy(&native.sin_addr, address.bytes.data(), 4);
    return native;
  }

  void receive(int fd, std::uint16_t port) {
    std::array<std::byte, 65536> buffer;
    sockaddr_in from{};
    socklen_t size = sizeof(from);
    const ssize_t got =
        recvfrom(fd, buffer.data(), buffer.size(), 0, reinterpret_cast<sockaddr*>(&from), &size);
    if (got < 4) {
      return;
    }
    Bytes datagram(buffer.data(), static_cast<std::size_t>(got));
    const bool marked = port == 4500;
    if (marked) {
      if (Reader(datagram).u32() != 0) {
        return;
      }
      datagram = datagram.subspan(4);
    }
    Path path{local_, port, {abi::Family::ipv4}, ntohs(from.sin_port)};
    std::memcpy(path.remote.bytes.data(), &from.sin_addr, 4);
    perform(engine_.on_datagram(datagram, path, marked, now()));
  }

  void send_delayed() {
    for (; !delayed_.empty() && delayed_.front().at <= boottime_now(); delayed_.pop_front()) {
      const Delayed& one = delayed_.front();
      (void)sendto(one.fd, one.bytes.data(), one.bytes.size(), 0,
                   reinterpret_cast<const sockaddr*>(&one.to), sizeof(one.to));
    }
  }

  void read_command() {
    std::array<char, 256> line{};
    const ssize_t got = read(0, line.data(), line.size() - 1);
    if (got <= 0) {
      quit_ = true;
      return;
    }
    std::string all(line.data(), static_cast<std::size_t>(got));
    for (std::size_t at = 0; at < all.size();) {
      const std::size_t end = std::min(all.find('\n', at), all.size());
      command(all.substr(at, end - at));
      at = end + 1;
    }
  }
  void command(const std::string& word) {
    if (word == "initiate") {
      perform(engine_.initiate("peer", "net", now()));
    } else if (word == "rekey-ike") {
      perform(engine_.rekey_ike("peer", now()));
    } else if (word == "rekey-child") {
      perform(engine_.rekey_child("peer", "net", now()));
    } else if (word == "reauth") {
      perform(engine_.reauthenticate("peer", now()));
    } else if (word == "terminate") {
      perform(engine_.terminate("peer", "", now()));
    } else if (word == "terminate net") {
      perform(engine_.terminate("peer", "net", now()));
    } else if (word == "sas") {
      for (const SaStatus& sa : engine_.sas()) {
        say("sa {} {:016x} {:016x} children {}", sa.state, sa.spis.initiator, sa.spis.responder,
            sa.children.size());
      }
    } else if (word == "quit") {
      quit_ = true;
    }
  }

  void perform_one(Checkpoint& /*action*/) {}
  void perform_one(CheckpointRemove& /*action*/) {}
  void perform_one(SendDatagram& action) {
    std::vector<std::byte> bytes(action.marked ? 4 : 0);
    bytes.insert(bytes.end(), action.bytes.begin(), action.bytes.end());
    delayed_.push_back({boottime_now() + delay_, action.marked ? marked_ : plain_, std::move(bytes),
                        to_native(action.path.remote, action.path.remote_port)});
    send_delayed();
  }
  void perform_one(InstallChild& action) {
    say("install {:08x} {:08x} replaces {:08x} {}{}{} use={} path={}:{} local={} remote={}",
        action.local_spi, action.remote_spi, action.replaces, action.transport ? "transport " : "",
        action.udp ? "udp " : "", action.suite.esn ? "esn" : "noesn",
        action.use == abi::KeyUse::now ? "now" : "later", config::to_string(action.path.remote),
        action.path.remote_port, config::to_string(action.local_ts.selectors.front().first),
        config::to_string(action.remote_ts.selectors.front().first));
    perform(engine_.on_installed(action.local_spi, now()));
  }
  void perform_one(UseChild& action) { say("use {:08x}", action.local_spi); }
  void perform_one(RemoveChild& action) { say("remove {:08x}", action.local_spi); }
  void perform_one(PeerMoved& action) { say("moved {}", config::to_string(action.path.remote)); }
  void perform_one(IkeUp& action) {
    say("ike-up {:016x} replaces {:016x} {}", action.sa, action.replaces,
        to_string(action.remote_id));
  }
  void perform_one(IkeDown& action) { say("ike-down {:016x} {}", action.sa, name(action.cause)); }
  void perform_one(ChildUp& action) { say("child-up {:08x}", action.local_spi); }
  void perform_one(ChildDown& action) { say("child-down {}", name(action.cause)); }
  void perform_one(Happened& action) {
    say("happened {} {} {}", name(action.stage), name(action.cause), action.text);
  }

  struct Delayed {
    Nanoseconds at = 0;
    int fd = -1;
    std::vector<std::byte> bytes;
    sockaddr_in to{};
  };

  abi::Address local_;
  Nanoseconds delay_ = 0;
  std::deque<Delayed> delayed_;
  int plain_ = -1;
  int marked_ = -1;
  bool quit_ = false;
  std::uint32_t next_spi_ = 0xc0000000;
  Engine engine_{{.random = [](std::span<std::byte> out) { crypto::random_bytes(out); },
                  .allocate_spi = [this] { return std::optional(++next_spi_); },
                  .release_spi = [](std::uint32_t) {},
                  .source = [this](const abi::Address&) { return std::optional(local_); }}};
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3 || !crypto::init()) {
    die("LOCAL REMOTE NAME=VALUE...");
  }
  Options options;
  for (int i = 3; i < argc; ++i) {
    const std::string text = argv[i];
    options[text.substr(0, text.find('='))] = text.substr(text.find('=') + 1);
  }
  Peer peer(argv[1], std::stoull(option(options, "delay", "0")) * kMillisecond);
  peer.perform(peer.engine().configure(settings_of(peer.local(), argv[2], options), Peer::now()));
  peer.run();
  return 0;
}
