// Who may do what: the capabilities of each process, each with its reason.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "control/config/config.h"

namespace gotthard::supervisor {

using Capabilities = std::vector<int>;  // CAP_*, sorted

// What the supervisor keeps once the host is set up.
[[nodiscard]] Capabilities supervisor_capabilities();
// What the data plane starts with; it drops what its ports do not need once they run.
[[nodiscard]] Capabilities dataplane_capabilities(const config::Config& config);

struct User {
  unsigned uid = 0;
  unsigned gid = 0;
  std::string name;
};
// None can send another a signal or look into its memory.
struct Users {
  User control, dataplane, resolver;
};
// The accounts gotthard-control, gotthard-dataplane and gotthard-resolver where the system has
// them, else user and group ids that no account has.
Result<Users> unprivileged_users();

// Permitted and bounding set become `effective` and `kept`, as far as we have them; nothing is
// inheritable, and no program we start can gain more (no_new_privs). `kept` is for children.
Status limit_to(const Capabilities& effective, const Capabilities& kept = {});
// For good: another user, no groups, no capabilities, no_new_privs.
Status become(const User& user);

}  // namespace gotthard::supervisor
