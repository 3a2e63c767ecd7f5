// Any suites, lengths, keys, nonces and contents: the backends agree on every seal, open what the
// other sealed, and refuse what was changed, each in one batch.
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <deque>
#include <span>
#include <utility>
#include <vector>

#include "crypto/aead.h"
#include "crypto/init.h"

namespace {

using namespace gotthard::crypto;

constexpr std::size_t kKeys = 5;

struct Engine {
  explicit Engine(AeadEngine made) : engine(std::move(made)) {}

  AeadEngine engine;
  std::array<AeadKey, kKeys> keys;
};

// Every backend that this machine can run, the portable one first.
std::deque<Engine> make_engines() {
  if (!init()) {
    std::abort();
  }
  std::deque<Engine> engines;
  for (std::size_t i = 1; i < kBackendNames.size(); ++i) {
    if (auto engine = AeadEngine::create(static_cast<Backend>(i))) {
      engines.emplace_back(std::move(*engine));
    }
  }
  if (engines.empty() || engines.front().engine.backend_name() != "portable") {
    std::abort();
  }
  return engines;
}

constexpr std::size_t kHeader = 8;
constexpr std::size_t kFront = kHeader + kMaxIvSize;

struct Packet {
  std::vector<std::byte> bytes;  // header, IV, text and tag
  std::vector<std::byte> aad;
  std::array<std::uint8_t, 12> nonce{};
  std::size_t key = 0;
  std::size_t length = 0;
  std::size_t flipped_bit = 0;  // of what is authenticated, 0: none

  AeadJob job(const Engine& side) {
    return {.key = &side.keys[key],
            .text = bytes.data() + kFront,
            .length = static_cast<std::uint32_t>(length),
            .aad_length = static_cast<std::uint32_t>(aad.size()),
            .nonce = nonce,
            .aad = aad.data(),
            .tag = bytes.data() + kFront + length};
  }
  // The IV on the wire is CBC's only: the others have it in the nonce.
  void flip(Suite suite) {
    const std::size_t first = family_of(suite) == Family::aes_cbc_hmac ? kHeader : kFront;
    const std::size_t bit = flipped_bit % ((bytes.size() - first) * 8);
    bytes[first + bit / 8] ^= static_cast<std::byte>(1 << bit % 8);
  }
};

// Takes values from the input while there are any; zeroes after that.
class Input {
 public:
  Input(const std::uint8_t* data, std::size_t size) : data_(data), size_(size) {}
  [[nodiscard]] bool empty() const { return size_ == 0; }
  std::uint8_t octet() {
    if (size_ == 0) {
      return 0;
    }
    --size_;
    return *data_++;
  }
  std::size_t number() { return octet() | static_cast<std::size_t>(octet()) << 8; }
  template <typename Range>
  void fill(Range& range) {
    for (auto& value : range) {
      value = static_cast<typename Range::value_type>(octet());
    }
  }

 private:
  const std::uint8_t* data_;
  std::size_t size_;
};

void require(bool condition) {
  if (!condition) {
    std::abort();
  }
}

std::vector<AeadJob> jobs_of(std::vector<Packet>& packets, const Engine& side) {
  std::vector<AeadJob> jobs;
  for (Packet& packet : packets) {
    jobs.push_back(packet.job(side));
  }
  return jobs;
}

// Seals with one side, opens with the other.
void check(const std::vector<Packet>& plain, Engine& sealer, Engine& opener) {
  auto packets = plain;
  sealer.engine.seal(jobs_of(packets, sealer));
  auto same = plain;
  opener.engine.seal(jobs_of(same, opener));
  std::uint64_t expected = 0;
  for (std::size_t i = 0; i < packets.size(); ++i) {
    require(packets[i].bytes == same[i].bytes);
    if (packets[i].flipped_bit != 0) {
      packets[i].flip(opener.keys[packets[i].key].suite());
    } else {
      expected |= std::uint64_t{1} << i;
    }
  }
  require(opener.engine.open(jobs_of(packets, opener)) == expected);
  for (std::size_t i = 0; i < packets.size(); ++i) {
    const auto text = [](const Packet& packet) {
      return std::span(packet.bytes).subspan(kFront, packet.length);
    };
    if ((expected >> i & 1) != 0) {
      require(std::ranges::equal(text(packets[i]), text(plain[i])));
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static std::deque<Engine> engines = make_engines();
  Engine& portable = engines.front();
  Input input(data, size);
  for (std::size_t i = 0; i < kKeys; ++i) {
    const auto suite = static_cast<Suite>(input.octet() % kSuites);
    std::vector<std::byte> key(key_size(suite));
    input.fill(key);
    for (Engine& side : engines) {
      require(side.engine.expand(suite, key, side.keys[i]).has_value());
    }
  }
  std::vector<Packet> packets;
  while (!input.empty() && packets.size() < kMaxBatch) {
    Packet& packet = packets.emplace_back();
    packet.key = input.octet() % kKeys;
    const Suite suite = portable.keys[packet.key].suite();
    const bool is_cbc = family_of(suite) == Family::aes_cbc_hmac;
    packet.flipped_bit = input.number();
    packet.length = input.number() % 2049 / text_alignment(suite) * text_alignment(suite);
    packet.bytes.resize(kFront + packet.length + tag_size(suite));
    const std::uint8_t aad_length = input.octet();
    packet.aad.resize(is_cbc ? 8 + aad_length % 2 * 4 : aad_length % 65);
    input.fill(packet.nonce);
    input.fill(packet.aad);
    // A few octets of the input, repeated: contents matter less than lengths.
    std::array<std::uint8_t, 8> pattern{};
    input.fill(pattern);
    for (std::size_t i = 0; i < packet.length; ++i) {
      packet.bytes[kFront + i] = static_cast<std::byte>(pattern[i % 8] + i / 8);
    }
  }
  for (std::size_t i = 1; i < engines.size(); ++i) {
    check(packets, portable, engines[i]);
    check(packets, engines[i], portable);
  }
  return 0;
}
