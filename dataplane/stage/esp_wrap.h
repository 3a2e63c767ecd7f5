// ESP around packets, made ready to be sealed (RFC 4303; RFC 3948 in UDP).
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "crypto/aead.h"
#include "dataplane/packet.h"
#include "dataplane/stage/esp_job.h"
#include "dataplane/stage/sealing.h"
#include "dataplane/table/peer.h"
#include "dataplane/table/session.h"
#include "dataplane/wire/esp.h"
#include "dataplane/wire/ip.h"
#include "dataplane/wire/udp.h"
#include "dataplane/worker_context.h"

namespace gotthard::dataplane {

// RFC 4301, 5.1.2: what the outer header takes from the inner one, by template and interface.
struct OuterMarks {
  std::uint8_t kept = wire::kEcnMask;  // bits of the inner traffic class
  std::uint8_t set = 0;                // bits beside them
  std::uint16_t fragment = 0;          // kIpv4DontFragment, always
  std::uint16_t copied = 0;            // kIpv4DontFragment, when the inner IPv4 header has it

  static OuterMarks of(const OuterTemplate& outer, const TopologyInterface& interface) {
    OuterMarks marks;
    if (outer.dscp != abi::kDscpFromInner) {
      marks.set = static_cast<std::uint8_t>(outer.dscp << 2);
    } else if (interface.copy_dscp) {
      marks.kept = 0xff;
    }
    marks.fragment = outer.dont_fragment == abi::DontFragment::set ? wire::kIpv4DontFragment : 0;
    marks.copied = outer.dont_fragment == abi::DontFragment::copy ? wire::kIpv4DontFragment : 0;
    return marks;
  }
  [[nodiscard]] OuterFields fields(const std::byte* inner, Family family) const {
    const std::uint8_t traffic_class = wire::traffic_class(inner, family);
    // IPv6 is cut by nobody on its way.
    const std::uint16_t whole =
        family == Family::ipv4 ? reinterpret_cast<const wire::Ipv4Header*>(inner)->fragment.get()
                               : wire::kIpv4DontFragment;
    return {.traffic_class = static_cast<std::uint8_t>((traffic_class & kept) | set),
            .fragment = static_cast<std::uint16_t>(fragment | (whole & copied))};
  }
};

// The counter has all 64 bits whatever the packet shows of it: no nonce comes twice. What ciphers
// carry of it follows the header; CBC's engine writes the IV that it makes of it.
inline void seal_with(const Session& session, std::uint64_t counter, std::byte* header_at,
                      std::byte* text, std::size_t length, crypto::AeadJob* job,
                      AssociatedData* aad) {
  auto* header = reinterpret_cast<wire::EspHeader*>(header_at);
  header->spi.set(session.remote_id);
  header->sequence.set(static_cast<std::uint32_t>(counter));
  const std::uint64_t iv = wire::swap_bytes(counter);
  std::memcpy(header + 1, &iv, sizeof(iv));

  fill_esp_job({session.seal_key, session.seal_salt, session.kind == SessionKind::esp_extended},
               *header, counter, text, length, job, aad);
}

// A packet made ready to be sealed: where all lies, and what the outer header says.
struct EspPlan {
  std::size_t kept = 0;  // bytes of the packet's own header that stay in front: transport mode
  std::size_t text = 0;  // length
  std::uint8_t next_header = 0;
  OuterFields outer;
};

// Any packet of any session: dummies, transport mode, CBC. False: it is not for this child.
[[nodiscard]] bool plan_esp(const Lane& lane, const OuterTemplate& outer,
                            const WorkerContext& worker, EspPlan* plan);
// Headers in front, padding, trailer and room for the ICV behind. False: the buffer has no room.
[[nodiscard]] bool wrap_esp(Lane* lane, const OuterTemplate& outer, const EspPlan& plan,
                            WorkerContext* worker, crypto::AeadJob* job, AssociatedData* aad);

// ---------------------------------------------------------------- what most packets are

// In tunnel mode, of a session whose sizes the compiler knows (Session::usual_esp).
[[nodiscard]] inline std::uint32_t usual_text(std::uint32_t length) {
  constexpr std::uint32_t kUnit = wire::kEspAlignment;
  return (length + sizeof(wire::EspTrailer) + kUnit - 1) & ~(kUnit - 1);
}

// As wrap_esp(). `kIp` is the size of the outer IP header, `kUdp` that of UDP's or 0.
template <std::size_t kIp, std::size_t kUdp>
[[nodiscard]] bool wrap_usual_esp(Lane* lane, const SealRun& run, const OuterMarks& marks,
                                  WorkerContext* worker, crypto::AeadJob* job,
                                  AssociatedData* aad) {
  const OuterTemplate& outer = *run.outer;
  constexpr std::size_t kEsp = sizeof(wire::EspHeader) + kUsualIv;
  constexpr std::size_t kFront = kIp + kUdp + kEsp;
  const std::uint32_t length = lane->length;
  const std::uint32_t text_length = usual_text(length);
  const std::size_t behind = kUdp + kEsp + text_length + kUsualTag;  // the IP header
  if (kIp + behind > UINT16_MAX) {
    return false;
  }
  OuterFields fields = marks.fields(lane->ip, lane->family);
  fields.payload = static_cast<std::uint32_t>(behind);
  std::byte* ip = extend(*lane, kFront, text_length - length + kUsualTag);
  if (ip == nullptr) {
    return false;
  }
  std::byte* text = ip + kFront;
  // All padding that there may be: what is too much is where trailer and ICV come to stand.
  constexpr std::uint32_t kPadding = 0x00030201;
  std::memcpy(text + length, &kPadding, sizeof(kPadding));
  const std::uint32_t padding = text_length - length - sizeof(wire::EspTrailer);
  auto* trailer = reinterpret_cast<wire::EspTrailer*>(text + length + padding);
  trailer->pad_length = static_cast<std::uint8_t>(padding);
  trailer->next_header =
      lane->family == Family::ipv4 ? wire::kNextHeaderIpv4 : wire::kNextHeaderIpv6;
  std::memcpy(ip, outer.headers.data(), kIp + kUdp);
  write_ip(ip, outer, fields, worker);
  if constexpr (kUdp != 0) {
    reinterpret_cast<wire::UdpHeader*>(ip + kIp)->length.set(static_cast<std::uint16_t>(behind));
  }
  seal_with(*run.session, lane->counter, ip + kIp + kUdp, text, text_length, job, aad);

  lane->ip = ip;
  lane->family = kIp == sizeof(wire::Ipv4Header) ? Family::ipv4 : Family::ipv6;
  lane->length = static_cast<std::uint16_t>(kIp + behind);
  lane->neighbour = outer.endpoint.neighbour;
  lane->mtu = outer.endpoint.mtu;
  return true;
}

}  // namespace gotthard::dataplane
