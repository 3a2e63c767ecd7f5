// Encrypted payloads and fragments, and putting fragments together: a two-byte length before each.
// The text stands for the plaintext: whoever sends it holds the keys, and is not trusted for that.
#include "control/ike/message/encrypted_payload.h"
#include "tests/fuzz/ike.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace gotthard::ike;
  Reader reader(fuzz::view(data, size));
  Reassembly reassembly;
  while (reader.ok() && !reader.at_end()) {
    const auto type =
        reader.u8() % 2 == 0 ? PayloadType::encrypted : PayloadType::encrypted_fragment;
    const std::size_t length = reader.u16();
    const auto chain = parse_chain(type, reader.bytes(length));
    const auto sealed = chain ? parse_sealed(chain->front()) : std::nullopt;
    if (!sealed) {
      continue;
    }
    Writer writer;
    write_sealed_header(writer, *sealed, sealed->text.size());
    writer.bytes(sealed->text);
    const auto again = parse_chain(type, writer.buffer());
    fuzz::require(again && parse_sealed(again->front())->number == sealed->number);
    if (sealed->is_fragment()) {
      if (const auto whole = reassembly.add(*sealed, sealed->text)) {
        fuzz::require(whole->chain.size() <= kMaxMessage && reassembly.empty());
      }
    }
  }
  return 0;
}
