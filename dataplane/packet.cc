#include "dataplane/packet.h"

#include <rte_mbuf_dyn.h>

namespace gotthard::dataplane {

int packet_note_offset = -1;

bool register_packet_note() {
  rte_mbuf_dynfield description{};
  constexpr char kName[] = "gotthard_packet_note";
  static_assert(sizeof(kName) <= sizeof(description.name));
  __builtin_memcpy(description.name, kName, sizeof(kName));
  description.size = sizeof(PacketNote);
  description.align = alignof(PacketNote);
  packet_note_offset = rte_mbuf_dynfield_register(&description);
  return packet_note_offset >= 0;
}

}  // namespace gotthard::dataplane
