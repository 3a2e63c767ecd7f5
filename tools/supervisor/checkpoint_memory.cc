#include "tools/supervisor/checkpoint_memory.h"

#include <sys/mman.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "base/log.h"
#include "control/checkpoint/size.h"

namespace gotthard::supervisor {

Result<CheckpointMemory> CheckpointMemory::make() {
  CheckpointMemory memory;
  auto fd = memfd_create_sized("gotthard-checkpoint", checkpoint::kMemorySize);
  if (!fd) {
    return tl::unexpected(fd.error());
  }
  if (auto sealed = memfd_seal_size(fd->get()); !sealed) {
    return tl::unexpected(sealed.error());
  }
  auto mapping = memfd_map(fd->get(), checkpoint::kMemorySize, MapAccess::read, true);
  if (!mapping) {
    return tl::unexpected(mapping.error());
  }
  // All of it: control, which writes there, may be allowed less, and with a control that ends its
  // own locks go.
  if (mlock(mapping->data(), mapping->size()) != 0) {
    log::event(
        log::Level::warning, log::Subsystem::supervisor, "checkpoint_not_locked",
        {{"error", std::strerror(errno)},
         {"warning", "keys may be swapped out: allow CAP_IPC_LOCK or raise RLIMIT_MEMLOCK"}});
  }
  memory.fd_ = std::move(*fd);
  memory.mapping_ = std::move(*mapping);
  return memory;
}

}  // namespace gotthard::supervisor
