// Anonymous shared memory that is handed to another process over a UNIX socket.
#pragma once

#include <cstddef>
#include <span>

#include "base/fd.h"
#include "base/result.h"

namespace gotthard {

// A mapping that is undone at destruction.
class Mapping {
 public:
  Mapping() = default;
  Mapping(std::byte* data, std::size_t size) : data_(data), size_(size) {}
  Mapping(Mapping&& other) noexcept;
  Mapping& operator=(Mapping&& other) noexcept;
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;
  ~Mapping();

  [[nodiscard]] std::byte* data() const { return data_; }
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] std::span<std::byte> bytes() const { return {data_, size_}; }

 private:
  std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

enum class MapAccess { read, read_write };

// A zeroed memfd of `size` bytes, close-on-exec, not yet sealed.
Result<UniqueFd> memfd_create_sized(const char* name, std::size_t size);

// F_SEAL_SHRINK, F_SEAL_GROW and F_SEAL_SEAL: neither side can make the other fault by resizing.
Status memfd_seal_size(int fd);
// The same and F_SEAL_FUTURE_WRITE: mappings that exist may write, new ones only read.
Status memfd_seal_read_only(int fd);

// Maps one's own memfd before its seals are on (F_SEAL_FUTURE_WRITE stops later writable mappings).
Result<Mapping> memfd_map_unsealed(int fd, std::size_t size);

// Maps all of `fd`. Refuses a file whose size is not `size` or that may still be resized; with
// `secret` the pages are locked and left out of core dumps.
Result<Mapping> memfd_map(int fd, std::size_t size, MapAccess access, bool secret);

}  // namespace gotthard
