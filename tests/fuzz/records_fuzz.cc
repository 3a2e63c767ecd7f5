// Ring records come from a process that may be compromised: whatever their bytes, decoding either
// refuses them or gives back a body that encodes to the same bytes.
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "dataplane/abi/records.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace gotthard::abi;
  Record record;
  std::memcpy(static_cast<void*>(&record), data, size < sizeof(record) ? size : sizeof(record));
  if (const auto command = decode_command(record)) {
    if (encode(*command, record.serial).type != record.type) {
      std::abort();
    }
  }
  if (const auto event = decode_event(record)) {
    if (encode(*event, record.serial).type != record.type) {
      std::abort();
    }
  }
  PacketRecord packet;
  std::memcpy(static_cast<void*>(&packet), data, size < sizeof(packet) ? size : sizeof(packet));
  if (valid(packet) && packet.length > sizeof(packet.payload)) {
    std::abort();
  }
  return 0;
}
