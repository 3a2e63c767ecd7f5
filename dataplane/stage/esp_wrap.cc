#include "dataplane/stage/esp_wrap.h"

namespace gotthard::dataplane {
namespace {

// In transport mode there are no fragments (RFC 4301, 5.1), and the packet's own addresses are the
// endpoints: what has others is not for this child.
bool plan_transport(const Lane& lane, const OuterTemplate& outer, EspPlan* plan) {
  const auto packet = wire::parse_ip({lane.ip, lane.length});
  if (!packet || packet->fragment ||
      wire::source_of(lane.ip, lane.family) != outer.endpoint.local ||
      wire::destination_of(lane.ip, lane.family) != outer.endpoint.remote) {
    return false;
  }
  plan->kept = packet->header_length;
  plan->next_header = packet->protocol;
  return true;
}

void write_udp(std::byte* at, const OuterTemplate& outer, std::size_t length) {
  auto* udp = reinterpret_cast<wire::UdpHeader*>(at);
  std::memcpy(udp, outer.headers.data() + outer.headers_length - sizeof(*udp), sizeof(*udp));
  udp->length.set(static_cast<std::uint16_t>(length));
}

// The packet's own header, in front of ESP now.
void keep_header(std::byte* ip, const EspPlan& plan, Family family, std::uint8_t protocol,
                 std::size_t behind) {
  if (family == Family::ipv6) {
    auto* header = reinterpret_cast<wire::Ipv6Header*>(ip);
    header->next_header = protocol;
    header->payload_length.set(static_cast<std::uint16_t>(behind));
    return;
  }
  auto* header = reinterpret_cast<wire::Ipv4Header*>(ip);
  header->protocol = protocol;
  header->total_length.set(static_cast<std::uint16_t>(plan.kept + behind));
  header->checksum.set(0);
  header->checksum.set(wire::ipv4_checksum({ip, plan.kept}));
}

}  // namespace

bool plan_esp(const Lane& lane, const OuterTemplate& outer, const WorkerContext& worker,
              EspPlan* plan) {
  plan->next_header = lane.family == Family::ipv4 ? wire::kNextHeaderIpv4 : wire::kNextHeaderIpv6;
  if (lane.length == 0) {  // what keeps an SA alive is a dummy (RFC 4303, 2.6)
    plan->next_header = wire::kNextHeaderNone;
  } else if (lane.session->transport_mode) {
    if (!plan_transport(lane, outer, plan)) {
      return false;
    }
  } else {
    plan->outer = OuterMarks::of(outer, worker.topology->interfaces[lane.interface])
                      .fields(lane.ip, lane.family);
  }
  plan->text = wire::esp_text_length(lane.length - plan->kept,
                                     crypto::text_alignment(lane.session->seal_key.suite()));
  return true;
}

bool wrap_esp(Lane* lane, const OuterTemplate& outer, const EspPlan& plan, WorkerContext* worker,
              crypto::AeadJob* job, AssociatedData* aad) {
  const crypto::SuiteTraits& traits = crypto::traits_of(lane->session->seal_key.suite());
  const std::size_t payload = lane->length - plan.kept;
  const bool in_udp = outer.kind == abi::PeerKind::esp_in_udp;
  const std::size_t udp = in_udp ? sizeof(wire::UdpHeader) : 0;
  const std::size_t esp = sizeof(wire::EspHeader) + traits.iv + plan.text + traits.tag;
  const std::size_t behind = udp + esp;  // the IP header
  const std::size_t ip_length = plan.kept != 0 ? plan.kept : outer.headers_length - udp;
  if (ip_length + behind > UINT16_MAX) {
    return false;
  }
  const std::size_t front = ip_length - plan.kept + behind - plan.text - traits.tag;
  std::byte* ip = extend(*lane, front, plan.text - payload + traits.tag);
  if (ip == nullptr) {
    return false;
  }
  if (plan.kept != 0) {
    std::memmove(ip, ip + front, plan.kept);  // from where the packet lies now
    keep_header(ip, plan, lane->family, in_udp ? wire::kProtocolUdp : wire::kProtocolEsp, behind);
  } else {
    copy_headers(ip, outer);
    OuterFields fields = plan.outer;
    fields.payload = static_cast<std::uint32_t>(behind);
    write_ip(ip, outer, fields, worker);
  }
  if (in_udp) {
    write_udp(ip + ip_length, outer, behind);
  }
  std::byte* text = ip + ip_length + behind - traits.tag - plan.text;
  wire::write_esp_trailer({text + payload, plan.text - payload}, plan.next_header);
  seal_with(*lane->session, lane->counter, text - traits.iv - sizeof(wire::EspHeader), text,
            plan.text, job, aad);

  lane->ip = ip;
  lane->family = outer.endpoint.remote.family;
  lane->length = static_cast<std::uint16_t>(ip_length + behind);
  lane->neighbour = outer.endpoint.neighbour;
  lane->mtu = outer.endpoint.mtu;
  return true;
}

}  // namespace gotthard::dataplane
