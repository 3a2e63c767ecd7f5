// A whole message, header and all payloads; what was parsed is read to its end.
#include "control/ike/message/encrypted_payload.h"
#include "control/ike/message/header.h"
#include "control/ike/message/payloads.h"
#include "tests/fuzz/ike.h"

namespace {

using namespace gotthard::ike;

std::size_t total_of(const Payloads& payloads) {
  std::size_t total = payloads.ke ? payloads.ke->data.size() : 0;
  total += payloads.nonce ? payloads.nonce->size() : 0;
  total += payloads.id_initiator ? payloads.id_initiator->data.size() : 0;
  total += payloads.id_responder ? payloads.id_responder->data.size() : 0;
  total += payloads.auth ? payloads.auth->data.size() : 0;
  total += payloads.encrypted ? payloads.encrypted->body.size() : 0;
  for (const Notify& notify : payloads.notifies) {
    total += notify.data.size();
  }
  for (const Certificate& certificate : payloads.certificates) {
    total += certificate.data.size();
  }
  for (const Bytes id : payloads.vendor_ids) {
    total += id.size();
  }
  return total;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Bytes datagram = fuzz::view(data, size);
  const auto header = parse_header(datagram);
  if (!header) {
    return 0;
  }
  Writer writer;
  write(writer, *header, size - Header::kSize);
  Buffer same(datagram.begin(), datagram.end());
  same.resize(Header::kSize);
  same[19] &= std::byte{0x28};  // the flags that have a meaning
  fuzz::require(writer.buffer() == same);
  const auto payloads = parse_payloads(header->next_payload, datagram.subspan(Header::kSize));
  if (!payloads) {
    return 0;
  }
  fuzz::require(total_of(*payloads) <= size);
  if (payloads->encrypted) {
    (void)parse_sealed(*payloads->encrypted);
  }
  return 0;
}
