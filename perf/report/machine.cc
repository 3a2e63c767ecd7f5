#include "perf/report/machine.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <sched.h>
#include <sys/utsname.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <fstream>
#include <iterator>
#include <sstream>

namespace gotthard::perf::report {
namespace {

constexpr const char* kUnknown = "unknown";

// What follows "NAME :" in the first CPU's lines.
std::string cpuinfo(const std::string& name) {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    const std::size_t colon = line.find(": ");
    if (line.starts_with(name + "\t") && colon != std::string::npos) {
      return line.substr(colon + 2);
    }
  }
  return kUnknown;
}

std::string flags_that_matter() {
  constexpr std::array kMatter{"aes",          "vaes",        "pclmulqdq", "vpclmulqdq", "avx2",
                               "avx512f",      "avx512bw",    "avx512vl",  "avx512ifma", "gfni",
                               "constant_tsc", "nonstop_tsc", "hypervisor"};
  std::istringstream all(cpuinfo("flags"));
  std::string found;
  for (std::string flag; all >> flag;) {
    if (std::find(kMatter.begin(), kMatter.end(), flag) != kMatter.end()) {
      found += (found.empty() ? "" : " ") + flag;
    }
  }
  return found.empty() ? kUnknown : found;
}

std::string kernel() {
  utsname names{};
  return uname(&names) == 0 ? fmt::format("{} {}", names.sysname, names.release) : kUnknown;
}

std::string compiler() {
#ifdef __clang__
  return "clang " __clang_version__;
#else
  return "g++ " __VERSION__;
#endif
}

std::string hugepages() {
  const auto number = [](const char* name) {
    std::ifstream file(std::string("/sys/kernel/mm/hugepages/hugepages-2048kB/") + name);
    std::string text;
    file >> text;
    return file ? text : std::string(kUnknown);
  };
  return fmt::format("{} of 2 MB, {} free", number("nr_hugepages"), number("free_hugepages"));
}

unsigned cpus() {
  cpu_set_t set;
  return sched_getaffinity(0, sizeof(set), &set) == 0 ? static_cast<unsigned>(CPU_COUNT(&set)) : 1;
}

}  // namespace

Machine this_machine() {
  return {.cpu = cpuinfo("model name"),
          .cpus = cpus(),
          .flags = flags_that_matter(),
          .kernel = kernel(),
          .compiler = compiler(),
          .hugepages = hugepages()};
}

std::string command_line() {
  std::ifstream file("/proc/self/cmdline", std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(file), {}};
  while (!text.empty() && text.back() == '\0') {
    text.pop_back();
  }
  std::replace(text.begin(), text.end(), '\0', ' ');
  return text;
}

std::string date() { return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::time(nullptr))); }

}  // namespace gotthard::perf::report
