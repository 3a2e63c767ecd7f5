// Why a packet was dropped: one enum whose names counters, traces, metrics and the CLI share.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace gotthard {

enum class Drop : std::uint8_t {
  none,  // not dropped
  // reception
  truncated,   // shorter than its headers say
  not_for_us,  // another station's Ethernet address
  unknown_ethertype,
  unknown_vlan,  // tagged for a VLAN that the port has not, or has no more
  bad_ip_header,
  bad_udp_length,
  outer_fragment,
  // WireGuard, receiving
  wg_bad_type,  // unknown message type or reserved bytes not zero
  wg_bad_length,
  wg_bad_mac1,
  wg_policed,  // handshake messages beyond the rate that control can take
  wg_unknown_session,
  wg_session_expired,
  wg_counter_limit,
  wg_replay,         // this counter was accepted before
  wg_late,           // below the anti-replay window
  wg_open_failed,    // authentication failed
  wg_inner_invalid,  // what was inside is no IP packet of its length
  wg_source_denied,  // inner source is not in the peer's allowed IPs
  // ESP, receiving
  esp_bad_length,  // no room for what its suite has, or not of whole blocks
  esp_unknown_spi,
  esp_expired,        // a hard limit of its SA was reached
  esp_sequence_zero,  // no sender gives it
  esp_replay,         // this number was accepted before
  esp_late,           // below the anti-replay window
  esp_open_failed,    // the ICV is wrong
  esp_bad_padding,
  esp_inner_invalid,    // what was inside is not what its header says
  esp_selector_denied,  // what was inside is not for its SA (RFC 4301, 5.2)
  esp_keepalive,        // keeps a NAT's mapping, and is nothing else
  ecn_not_capable,      // congestion was met outside; the inner packet cannot say so (RFC 6040)
  // IKE, receiving
  ike_bad_length,
  ike_policed,  // beyond the rate that control can take
  // routing
  no_route,
  blackhole,
  unreachable,         // by a route of that type
  prohibited,          // by a route of that type
  route_not_followed,  // the kernel's route for it is of a kind that the data plane has not
  ttl_expired,
  too_big,
  plain_to_underlay,     // received inside, would have left an underlay port unsealed
  inside_from_underlay,  // plain packet on an underlay port, not for the gateway and not sealed
  interface_down,
  not_forwarded,       // multicast, broadcast (also its frame's), loopback, link-local
  martian_source,      // a source that no packet on a wire has: ours, a group, loopback, none
  twin_source_denied,  // from a kernel twin with a source that is not local
  // sealing
  no_peer,     // the interface has no peer with such an allowed IP
  no_session,  // no handshake completed in time
  no_endpoint,
  wg_send_limit,
  tunnel_loop,     // a tunnel within itself, or within more others than packets have room for
  no_child,        // no child's selectors fit
  esp_send_limit,  // a hard limit was reached, and there is no SA after it
  handover_full,   // the worker that seals for the child does not keep up
  // resources
  neighbour_unresolved,
  park_full,
  host_ring_full,
  punt_ring_full,
  tx_full,
  no_mbuf,
  count
};

inline constexpr std::size_t kDropCount = static_cast<std::size_t>(Drop::count);

inline constexpr std::array<std::string_view, kDropCount> kDropNames = {"none",
                                                                        "truncated",
                                                                        "not_for_us",
                                                                        "unknown_ethertype",
                                                                        "unknown_vlan",
                                                                        "bad_ip_header",
                                                                        "bad_udp_length",
                                                                        "outer_fragment",
                                                                        "wg_bad_type",
                                                                        "wg_bad_length",
                                                                        "wg_bad_mac1",
                                                                        "wg_policed",
                                                                        "wg_unknown_session",
                                                                        "wg_session_expired",
                                                                        "wg_counter_limit",
                                                                        "wg_replay",
                                                                        "wg_late",
                                                                        "wg_open_failed",
                                                                        "wg_inner_invalid",
                                                                        "wg_source_denied",
                                                                        "esp_bad_length",
                                                                        "esp_unknown_spi",
                                                                        "esp_expired",
                                                                        "esp_sequence_zero",
                                                                        "esp_replay",
                                                                        "esp_late",
                                                                        "esp_open_failed",
                                                                        "esp_bad_padding",
                                                                        "esp_inner_invalid",
                                                                        "esp_selector_denied",
                                                                        "esp_keepalive",
                                                                        "ecn_not_capable",
                                                                        "ike_bad_length",
                                                                        "ike_policed",
                                                                        "no_route",
                                                                        "blackhole",
                                                                        "unreachable",
                                                                        "prohibited",
                                                                        "route_not_followed",
                                                                        "ttl_expired",
                                                                        "too_big",
                                                                        "plain_to_underlay",
                                                                        "inside_from_underlay",
                                                                        "interface_down",
                                                                        "not_forwarded",
                                                                        "martian_source",
                                                                        "twin_source_denied",
                                                                        "no_peer",
                                                                        "no_session",
                                                                        "no_endpoint",
                                                                        "wg_send_limit",
                                                                        "tunnel_loop",
                                                                        "no_child",
                                                                        "esp_send_limit",
                                                                        "handover_full",
                                                                        "neighbour_unresolved",
                                                                        "park_full",
                                                                        "host_ring_full",
                                                                        "punt_ring_full",
                                                                        "tx_full",
                                                                        "no_mbuf"};

[[nodiscard]] constexpr std::string_view name(Drop drop) {
  return kDropNames[static_cast<std::size_t>(drop)];
}

}  // namespace gotthard
