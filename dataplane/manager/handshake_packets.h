// Handshake messages between workers' packets and the rings to control.
#pragma once

#include <rte_mempool.h>

#include <optional>

#include "dataplane/abi/records.h"
#include "dataplane/packet.h"

namespace gotthard::dataplane {

// An IP packet with UDP, as classify has checked it. Nothing: longer than a record holds.
[[nodiscard]] std::optional<abi::PacketRecord> to_record(std::span<const std::byte> ip,
                                                         const PacketNote& note);

// IP, UDP and payload in a fresh mbuf, for NoteKind::send_ip; null: no mbuf. IPv4 alone has the id.
[[nodiscard]] rte_mbuf* to_packet(const abi::PacketRecord& record, std::uint16_t ipv4_id,
                                  rte_mempool* pool);

// Where an authenticated packet came from, out of its headers.
[[nodiscard]] std::optional<abi::EndpointMoved> to_move(std::span<const std::byte> ip,
                                                        const PacketNote& note);

}  // namespace gotthard::dataplane
