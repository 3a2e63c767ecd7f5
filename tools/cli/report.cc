#include "tools/cli/report.h"

#include <cstdio>

#include "tools/cli/exit_codes.h"
#include "tools/cli/printable.h"

namespace gotthard::cli {

int exit_code(const mgmt::Failure& failure) {
  if (failure.code == "not_running" || failure.code == "running") {
    return kNotRunning;
  }
  if (failure.code == "timeout") {
    return kTimeout;
  }
  const bool usage = failure.code == "refused" || failure.code == "bad_request" ||
                     failure.code == "bad_argument" || failure.code == "usage" ||
                     failure.code.starts_with("unknown_") || failure.code.starts_with("ambiguous_");
  return usage ? kUsage : kFailed;
}

int report(const mgmt::Failure& failure, bool as_json) {
  if (as_json) {
    const mgmt::json value{{"ok", false}, {"code", failure.code}, {"error", failure.error}};
    std::printf("%s\n", value.dump(2, ' ', false, mgmt::json::error_handler_t::replace).c_str());
  } else {
    std::fprintf(stderr, "gotthard: %s\n", printable(failure.error).c_str());
  }
  return exit_code(failure);
}

}  // namespace gotthard::cli
