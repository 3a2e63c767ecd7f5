#include "base/memfd.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace gotthard {

Mapping::Mapping(Mapping&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

Mapping& Mapping::operator=(Mapping&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

Mapping::~Mapping() {
  if (data_ != nullptr) {
    munmap(data_, size_);
  }
}

Result<UniqueFd> memfd_create_sized(const char* name, std::size_t size) {
  UniqueFd fd(memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!fd) {
    return fail("cannot create the shared memory '{}': {}", name, std::strerror(errno));
  }
  if (ftruncate(fd.get(), static_cast<off_t>(size)) != 0) {
    return fail("cannot give '{}' its {} bytes of shared memory: {}", name, size,
                std::strerror(errno));
  }
  return fd;
}

namespace {

constexpr int kSizeSeals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;

Status add_seals(int fd, int seals) {
  if (fcntl(fd, F_ADD_SEALS, seals) != 0) {
    return fail("cannot seal shared memory: {}", std::strerror(errno));
  }
  return {};
}

}  // namespace

Status memfd_seal_size(int fd) { return add_seals(fd, kSizeSeals); }

Status memfd_seal_read_only(int fd) { return add_seals(fd, kSizeSeals | F_SEAL_FUTURE_WRITE); }

Result<Mapping> memfd_map_unsealed(int fd, std::size_t size) {
  void* data = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (data == MAP_FAILED) {
    return fail("cannot map {} bytes of shared memory: {}", size, std::strerror(errno));
  }
  return Mapping(static_cast<std::byte*>(data), size);
}

Result<Mapping> memfd_map(int fd, std::size_t size, MapAccess access, bool secret) {
  struct stat status {};
  if (fstat(fd, &status) != 0 || static_cast<std::size_t>(status.st_size) != size) {
    return fail("shared memory has {} bytes where {} were agreed", status.st_size, size);
  }
  const int seals = fcntl(fd, F_GET_SEALS);
  if (seals < 0 || (seals & kSizeSeals) != kSizeSeals) {
    return fail("shared memory is not sealed against resizing");
  }
  const int protection = access == MapAccess::read ? PROT_READ : PROT_READ | PROT_WRITE;
  void* data = mmap(nullptr, size, protection, MAP_SHARED, fd, 0);
  if (data == MAP_FAILED) {
    return fail("cannot map {} bytes of shared memory: {}", size, std::strerror(errno));
  }
  Mapping mapping(static_cast<std::byte*>(data), size);
  if (secret) {
    // As pages are touched: unused memory costs nothing. Locking may fail under a small
    // RLIMIT_MEMLOCK; keeping secrets out of dumps must not.
    (void)mlock2(data, size, MLOCK_ONFAULT);
    if (madvise(data, size, MADV_DONTDUMP) != 0) {
      return fail("cannot keep shared memory out of core dumps: {}", std::strerror(errno));
    }
  }
  return mapping;
}

}  // namespace gotthard
