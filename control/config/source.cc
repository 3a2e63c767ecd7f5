#include "control/config/source.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/fd.h"

namespace gotthard::config {

Result<std::string> read_source(const std::string& path) {
  constexpr std::size_t kLimit = 16U << 20;
  const UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat status {};
  if (!fd || fstat(fd.get(), &status) != 0) {
    return fail("cannot read the configuration {}: {}", path, std::strerror(errno));
  }
  if (!S_ISREG(status.st_mode) || static_cast<std::size_t>(status.st_size) > kLimit) {
    return fail("the configuration {} is no regular file of at most 16 MiB", path);
  }
  std::string text(static_cast<std::size_t>(status.st_size), '\0');
  std::size_t done = 0;
  while (done < text.size()) {
    const ssize_t size = read(fd.get(), text.data() + done, text.size() - done);
    if (size <= 0) {
      return fail("cannot read the configuration {}: {}", path, std::strerror(errno));
    }
    done += static_cast<std::size_t>(size);
  }
  return text;
}

Result<toml::table> parse_source(std::string_view text, const std::string& path) {
  try {
    return toml::parse(text, path);
  } catch (const toml::parse_error& error) {
    return fail("{}:{}: {}", path, error.source().begin.line, error.description());
  }
}

}  // namespace gotthard::config
