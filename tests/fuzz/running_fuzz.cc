// What a control that ended left of its running interfaces: memory that may be damaged, and text
// that may be anything.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "control/checkpoint/running_store.h"
#include "control/uapi/running.h"
#include "crypto/init.h"

namespace {

using namespace gotthard;

void require(bool condition) {
  if (!condition) {
    std::abort();
  }
}

// One of the two that were written is found, or nothing; and what is written then.
void damage(const std::uint8_t* data, std::size_t size) {
  constexpr std::string_view kFirst = "interface=wg0\nlisten_port=1\n";
  constexpr std::string_view kSecond = "interface=wg0\nlisten_port=51820\n";
  std::vector<std::byte> memory(512);
  checkpoint::RunningStore store(memory);
  require(store.write(kFirst) && store.write(kSecond) && *store.read() == kSecond);
  for (std::size_t i = 0; i + 2 < size; i += 3) {
    const std::size_t at = (std::size_t{data[i]} | std::size_t{data[i + 1]} << 8) % memory.size();
    memory[at] ^= static_cast<std::byte>(data[i + 2]);
  }
  const auto found = store.read();
  require(!found || *found == kFirst || *found == kSecond);
  require(store.write(kFirst) && *store.read() == kFirst);
}

void restore(std::string_view lines) {
  constexpr std::string_view kBase = "the configuration file";
  config::Config config;
  config.wireguard.resize(2);
  config.wireguard[0].name = "wg0";
  config.wireguard[1].name = "wg1";
  control::Keys keys;
  crypto::SecretString text = uapi::running_text(kBase, {});
  text.append(lines);
  const bool restored = uapi::restore_running(text, kBase, &config, &keys);
  require(restored || !lines.empty());
  for (const config::WireGuard& tunnel : config.wireguard) {
    for (const config::Peer& peer : tunnel.peers) {
      require(peer.preshared_key_file.empty() || keys.contains(peer.preshared_key_file));
      for (const config::Prefix& prefix : peer.allowed_ips) {
        require(prefix.length <= (prefix.address.family == abi::Family::ipv4 ? 32 : 128));
      }
    }
  }
  // Of another configuration file: nothing of it counts.
  require(!uapi::restore_running(text, "another", &config, &keys));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const bool ready = crypto::init().has_value();
  require(ready);
  damage(data, size);
  restore(std::string_view(reinterpret_cast<const char*>(data), size));
  return 0;
}
