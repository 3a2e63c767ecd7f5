#include "tools/cli/import.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "base/fd.h"
#include "tools/cli/exit_codes.h"
#include "tools/cli/printable.h"
#include "tools/cli/report.h"
#include "tools/cli/wg_quick.h"

namespace gotthard::cli {
namespace {

constexpr std::size_t kMostBytes = 16U << 20;

Result<crypto::SecretString> read_file(const std::string& path) {
  const UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  crypto::SecretString text(64 << 10, '\0');
  std::size_t size = 0;
  for (ssize_t got = 1; fd && got > 0 && size < kMostBytes;) {
    text.resize(std::max(text.size(), size + (64 << 10)));
    got = read(fd.get(), text.data() + size, text.size() - size);
    if (got < 0) {
      return fail("cannot read {}: {}", path, std::strerror(errno));
    }
    size += static_cast<std::size_t>(got);
  }
  if (!fd) {
    return fail("cannot open {}: {}", path, std::strerror(errno));
  }
  if (size >= kMostBytes) {
    return fail("{} is larger than any wg-quick file", path);
  }
  text.resize(size);
  return text;
}

// A new file; what is half written goes again.
Status write_file(const std::string& path, std::string_view text) {
  const UniqueFd fd(open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!fd) {
    return errno == EEXIST ? fail(
                                 "{} exists already: move it away, or name another directory by "
                                 "--to",
                                 path)
                           : fail("cannot make {}: {}", path, std::strerror(errno));
  }
  std::size_t done = 0;
  while (done < text.size()) {
    const ssize_t put = write(fd.get(), text.data() + done, text.size() - done);
    if (put <= 0) {
      const int why = errno;
      unlink(path.c_str());
      return fail("cannot write {}: {}", path, std::strerror(why));
    }
    done += static_cast<std::size_t>(put);
  }
  return {};
}

}  // namespace

int import_file(const std::string& file, const std::string& directory, bool as_json) {
  const std::filesystem::path to(directory);
  const std::string name = std::filesystem::path(file).stem();
  const auto text = read_file(file);
  if (!text) {
    return report({"failed", text.error().message}, as_json);
  }
  const auto imported = import_wg_quick(*text, name);
  if (!imported) {
    return report({"bad_argument", fmt::format("{}: {}", file, imported.error().message)}, as_json);
  }
  std::vector<std::pair<std::string, std::string_view>> files{
      {to / (name + ".toml"), imported->toml}};
  for (const KeyText& key : imported->keys) {
    files.emplace_back(to / key.file, key.text);
  }
  std::vector<std::string> made;
  for (const auto& [path, content] : files) {
    if (const Status written = write_file(path, content); !written) {
      for (const std::string& earlier : made) {
        unlink(earlier.c_str());
      }
      return report({"failed", written.error().message}, as_json);
    }
    made.push_back(path);
  }
  for (const std::string& warning : imported->warnings) {
    fmt::print(stderr, "{}: {}\n", file, printable(warning));
  }
  if (as_json) {
    fmt::print("{}\n", nlohmann::json{{"files", made}, {"warnings", imported->warnings}}.dump(2));
  } else {
    fmt::print("{}\n", fmt::join(made, "\n"));
  }
  return kOk;
}

}  // namespace gotthard::cli
