#include "perf/pipeline/traffic.h"

#include <algorithm>
#include <cstring>

#include "crypto/random.h"
#include "dataplane/wire/ethernet.h"
#include "dataplane/wire/ip.h"
#include "dataplane/wire/udp.h"

namespace gotthard::perf::pipeline {
namespace {

constexpr std::size_t kPayloads = 4096;  // payloads begin somewhere in so many bytes
constexpr std::size_t kEthernet = sizeof(wire::EthernetHeader);

// xorshift64* (Vigna, 2016): cheap, and good enough to choose by.
std::uint64_t next_random(std::uint64_t* state) {
  *state ^= *state >> 12;
  *state ^= *state << 25;
  *state ^= *state >> 27;
  return *state * 0x2545f4914f6cdd1d;
}

// As a driver leaves it that has received a frame.
std::byte* received(rte_mbuf* mbuf, std::size_t length) {
  mbuf->data_off = RTE_PKTMBUF_HEADROOM;
  mbuf->data_len = static_cast<std::uint16_t>(length);
  mbuf->pkt_len = static_cast<std::uint32_t>(length);
  mbuf->ol_flags = 0;
  return rte_pktmbuf_mtod(mbuf, std::byte*);
}

std::byte* write_ethernet(std::byte* frame, const wire::Mac& to, const wire::Mac& from,
                          abi::Family family) {
  wire::EthernetHeader header{.destination = to, .source = from};
  header.type.set(family == abi::Family::ipv4 ? wire::kEtherIpv4 : wire::kEtherIpv6);
  std::memcpy(frame, &header, sizeof(header));
  return frame + sizeof(header);
}

}  // namespace

Traffic::Traffic(Gateway* gateway, Direction direction, std::uint32_t worker)
    : gateway_(gateway),
      scenario_(gateway->scenario()),
      direction_(direction),
      format_(gateway->scenario()),
      worker_(worker),
      payload_(kPayloads + greatest_length(gateway->scenario())),
      slots_(gateway->scenario().buffers()),
      jobs_(slots_.size()),
      aads_(slots_.size()),
      counters_(gateway->tunnels().size(), scenario_.protocol == Protocol::esp ? 1 : 0),
      random_(crypto::random_u64() | 1) {
  crypto::random_bytes(payload_);
}

Result<std::unique_ptr<Traffic>> Traffic::create(Gateway* gateway, Direction direction,
                                                 std::uint32_t worker) {
  std::unique_ptr<Traffic> traffic(new Traffic(gateway, direction, worker));
  auto keys = KeyRing::create(crypto::Backend::automatic, *gateway);
  if (!keys) {
    return tl::unexpected(keys.error());
  }
  traffic->keys_ = std::move(*keys);
  traffic->mbufs_.resize(traffic->slots_.size());
  if (rte_pktmbuf_alloc_bulk(gateway->pool(), traffic->mbufs_.data(),
                             static_cast<unsigned>(traffic->mbufs_.size())) != 0) {
    traffic->mbufs_.clear();
    return fail("no {} packet buffers are left", traffic->slots_.size());
  }
  return traffic;
}

Traffic::~Traffic() {
  if (!mbufs_.empty()) {
    rte_pktmbuf_free_bulk(mbufs_.data(), static_cast<unsigned>(mbufs_.size()));
  }
}

void Traffic::prepare() {
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    choose(i);
    if (direction_ == Direction::encap) {
      write_plain(i);
    } else {
      write_sealed(i);
    }
  }
  packets_ += slots_.size();
  if (direction_ == Direction::decap) {
    for (std::size_t i = 0; i < jobs_.size(); i += crypto::kMaxBatch) {
      keys_->engine().seal({&jobs_[i], std::min(crypto::kMaxBatch, jobs_.size() - i)});
    }
  }
}

// Sessions are spread over the workers, and take turns packet by packet.
void Traffic::choose(std::size_t index) {
  const std::uint32_t sessions = scenario_.sessions;
  const std::uint32_t workers = scenario_.workers;
  Slot* slot = &slots_[index];
  slot->seed = next_random(&random_) | 1;
  slot->length = length_of(scenario_, packets_ + index);
  if (sessions <= workers) {
    slot->session = worker_ % sessions;
  } else {
    const std::uint32_t own = (sessions - worker_ + workers - 1) / workers;
    slot->session = worker_ + workers * static_cast<std::uint32_t>((packets_ + index) % own);
  }
  slot->counter = next_counter(slot->session, index);
}

// Workers that share a session have its bursts in turn.
std::uint64_t Traffic::next_counter(std::uint32_t session, std::size_t index) {
  const std::uint32_t sessions = scenario_.sessions;
  const std::uint32_t workers = scenario_.workers;
  if (sessions >= workers) {
    return counters_[session]++;
  }
  const std::uint64_t sharing = (workers - session + sessions - 1) / sessions;
  const std::uint64_t burst = (packets_ + index) / scenario_.burst;
  return counters_[session] + (burst * sharing + worker_ / sessions) * scenario_.burst +
         index % scenario_.burst;
}

void Traffic::write_inner(const Slot& slot, std::byte* at) const {
  std::uint64_t random = slot.seed;
  const std::uint64_t places = next_random(&random);
  const std::uint64_t rest = next_random(&random);
  const Block& behind = gateway_->tunnels()[slot.session].behind;
  const Block& inside = gateway_->inside();
  const auto of = [&](const Block& block, std::uint32_t number, int shift) {
    return block.host(static_cast<std::uint32_t>(std::uint64_t{number} * block.prefixes() >> 32),
                      static_cast<std::uint8_t>(rest >> shift));
  };
  const abi::Address remote = of(behind, static_cast<std::uint32_t>(places), 0);
  const abi::Address host = of(inside, static_cast<std::uint32_t>(places >> 32), 8);
  const bool out = direction_ == Direction::encap;
  const std::size_t ip =
      scenario_.inner == abi::Family::ipv4 ? sizeof(wire::Ipv4Header) : sizeof(wire::Ipv6Header);
  write_ip(at, out ? host : remote, out ? remote : host, wire::kProtocolUdp, slot.length - ip);
  wire::UdpHeader udp{};
  udp.source.set(static_cast<std::uint16_t>(rest >> 16 | 0x8000));
  udp.destination.set(static_cast<std::uint16_t>(rest >> 32 | 0x8000));
  udp.length.set(static_cast<std::uint16_t>(slot.length - ip));
  std::memcpy(at + ip, &udp, sizeof(udp));
  const std::size_t behind_headers = ip + sizeof(udp);
  std::memcpy(at + behind_headers, &payload_[(rest >> 48) % kPayloads],
              slot.length - behind_headers);
}

void Traffic::write_plain(std::size_t index) {
  const Slot& slot = slots_[index];
  std::byte* frame = received(mbufs_[index], kEthernet + slot.length);
  std::byte* ip = write_ethernet(frame, gateway_->lan_mac(), Gateway::kHostMac, scenario_.inner);
  write_inner(slot, ip);
  const Tunnel& tunnel = gateway_->tunnels()[slot.session];
  jobs_[index] = format_.job(ip, format_.text_length(slot.length),
                             keys_->from_gateway(slot.session), tunnel.from_gateway,
                             {.id = tunnel.remote_id, .counter = slot.counter}, &aads_[index]);
}

void Traffic::write_sealed(std::size_t index) {
  const Slot& slot = slots_[index];
  const Tunnel& tunnel = gateway_->tunnels()[slot.session];
  std::byte* frame = received(mbufs_[index], kEthernet + format_.length(slot.length));
  std::byte* ip = write_ethernet(frame, gateway_->wan_mac(), Gateway::kRouterMac, scenario_.outer);
  format_.write_front(ip, slot.session, tunnel, slot.counter, slot.length);
  std::byte* text = ip + format_.text_offset();
  write_inner(slot, text);
  format_.write_padding(text, slot.length);
  jobs_[index] = format_.job(text, format_.text_length(slot.length),
                             keys_->to_gateway(slot.session), tunnel.to_gateway,
                             {.id = tunnel.local_id, .counter = slot.counter}, &aads_[index]);
}

std::size_t Traffic::run_aead(std::size_t first, std::size_t count, std::size_t burst) {
  std::size_t refused = 0;
  for (std::size_t i = first; i < first + count; i += burst) {
    if (direction_ == Direction::encap) {
      keys_->engine().seal({&jobs_[i], burst});
    } else {
      const std::uint64_t authentic = keys_->engine().open({&jobs_[i], burst});
      refused += burst - static_cast<std::size_t>(__builtin_popcountll(authentic));
    }
  }
  return refused;
}

}  // namespace gotthard::perf::pipeline
