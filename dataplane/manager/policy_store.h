// The manager's side of traffic selectors: what each child has, and the tables that workers look
// up, one for each interface and one for each child. The manager's thread.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <set>
#include <vector>

#include "base/clock.h"
#include "dataplane/abi/records.h"
#include "dataplane/table/policy.h"
#include "dataplane/table/rcu.h"
#include "dataplane/worker_context.h"

namespace gotthard::dataplane {

class PolicyStore {
 public:
  PolicyStore(Shared* shared, RetireList* retired) : shared_(shared), retired_(retired) {}
  PolicyStore(const PolicyStore&) = delete;
  PolicyStore& operator=(const PolicyStore&) = delete;
  ~PolicyStore();  // no worker may run any more

  // False: more than a child may have.
  [[nodiscard]] bool add(const abi::SelectorAdd& command);
  // False: not as many were added since the last commit. What comes out of the child's SAs is
  // checked by them at once; what goes in, after the next build.
  [[nodiscard]] bool commit(const abi::SelectorsCommit& command, std::uint16_t interface);
  void remove(std::uint32_t peer);

  // Builds the tables of interfaces whose children changed; rarely enough to leave most of the time
  // for other things, however many children there are.
  void tick(Nanoseconds now);
  // What was committed is in force.
  [[nodiscard]] bool settled() const { return changed_.empty(); }

 private:
  struct Pending {
    std::vector<abi::SelectorAdd> locals, remotes;
  };
  struct Child {
    std::uint16_t interface = 0;
    std::uint16_t spread = 0;
    std::uint32_t order = 0;
    std::vector<PolicyRule> rules;
  };

  void build(std::uint16_t interface);
  void replace(std::atomic<const PolicyTable*>* place, const PolicyTable* table);

  Shared* shared_;
  RetireList* retired_;
  std::map<std::uint32_t, Pending> pending_;
  std::map<std::uint32_t, Child> children_;
  std::set<std::uint16_t> changed_;
  Nanoseconds not_before_ = 0;
};

}  // namespace gotthard::dataplane
