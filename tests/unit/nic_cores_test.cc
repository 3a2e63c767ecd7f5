#include "nic/cores.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace gotthard::nic {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

const std::vector<Cpu> kTwo{{.id = 0, .core = 0}, {.id = 1, .core = 1}};
const std::vector<Cpu> kFour{
    {.id = 0, .core = 0}, {.id = 1, .core = 1}, {.id = 2, .core = 2}, {.id = 3, .core = 3}};
// Two sockets of two cores of two threads, numbered as Linux does.
const std::vector<Cpu> kServer{{.id = 0, .core = 0, .node = 0}, {.id = 4, .core = 0, .node = 0},
                               {.id = 1, .core = 1, .node = 0}, {.id = 5, .core = 1, .node = 0},
                               {.id = 2, .core = 2, .node = 1}, {.id = 6, .core = 2, .node = 1},
                               {.id = 3, .core = 3, .node = 1}, {.id = 7, .core = 3, .node = 1}};

CorePlan plan(const std::vector<Cpu>& cpus, const CoreWish& wish) {
  auto result = plan_cores(cpus, wish);
  EXPECT_TRUE(result) << (result ? "" : result.error().message);
  return result ? *result : CorePlan{};
}

TEST(Cores, LeavesTheFirstCoreForTheRest) {
  const CorePlan two = plan(kTwo, {});
  EXPECT_THAT(two.workers, ElementsAre(1));
  EXPECT_THAT(two.manager, ElementsAre(0));
  EXPECT_THAT(two.warning, IsEmpty());
  const CorePlan four = plan(kFour, {});
  EXPECT_THAT(four.workers, ElementsAre(1, 2, 3));
  EXPECT_THAT(four.manager, ElementsAre(0));
}

TEST(Cores, LeavesAWholeCoreWhereThereAreThreads) {
  const CorePlan server = plan(kServer, {});
  EXPECT_THAT(server.workers, SizeIs(6));
  EXPECT_THAT(server.manager, testing::UnorderedElementsAre(0, 4));
  const std::vector<Cpu> one_core{{.id = 0, .core = 0}, {.id = 1, .core = 0}};
  EXPECT_THAT(plan(one_core, {}).workers, ElementsAre(0));
  EXPECT_THAT(plan(one_core, {}).manager, ElementsAre(1));
}

TEST(Cores, AreNearThePortsAndThreadsOfOneCoreLast) {
  EXPECT_THAT(plan(kServer, {.workers = 4, .port_nodes = {1, -1, 1, 0}}).workers,
              ElementsAre(2, 3, 6, 7));
  EXPECT_THAT(plan(kServer, {.workers = 2, .port_nodes = {0}}).workers, ElementsAre(1, 5));
  EXPECT_THAT(plan(kServer, {.workers = 3, .port_nodes = {-1}}).workers, ElementsAre(1, 2, 3));
}

TEST(Cores, MayAllBeWorkersWhenAskedFor) {
  const CorePlan counted = plan(kTwo, {.workers = 2});
  EXPECT_THAT(counted.workers, testing::UnorderedElementsAre(0, 1));
  EXPECT_THAT(counted.manager, ElementsAre(0, 1));
  EXPECT_THAT(counted.warning, HasSubstr("every CPU"));
  const CorePlan named = plan(kTwo, {.cores = {1, 0}});
  EXPECT_THAT(named.workers, ElementsAre(1, 0));
  EXPECT_THAT(named.warning, HasSubstr("every CPU"));
  const CorePlan alone = plan({{.id = 7, .core = 3}}, {});
  EXPECT_THAT(alone.workers, ElementsAre(7));
  EXPECT_THAT(alone.manager, ElementsAre(7));
  EXPECT_THAT(alone.warning, HasSubstr("every CPU"));
}

TEST(Cores, AreExactlyThoseThatWereNamed) {
  const CorePlan named = plan(kFour, {.cores = {3, 1}});
  EXPECT_THAT(named.workers, ElementsAre(3, 1));
  EXPECT_THAT(named.manager, ElementsAre(0, 2));
  EXPECT_THAT(named.warning, IsEmpty());
}

TEST(Cores, AreRefusedWithASentence) {
  EXPECT_THAT(plan_cores(kTwo, {.cores = {0, 2}}).error().message,
              HasSubstr("names 2, but this process may run on 0, 1 only"));
  EXPECT_THAT(plan_cores(kFour, {.cores = {2, 2}}).error().message, HasSubstr("twice"));
  EXPECT_THAT(plan_cores(kTwo, {.workers = 3}).error().message, HasSubstr("at most that many"));
}

TEST(Cores, ByDefaultAreNoMoreThanTheCgroupGrants) {
  EXPECT_THAT(plan(kFour, {.cpu_quota = 3}).workers, ElementsAre(1, 2));
  EXPECT_THAT(plan(kFour, {.cpu_quota = 1}).workers, ElementsAre(1));
  EXPECT_THAT(plan(kFour, {.cpu_quota = 64}).workers, ElementsAre(1, 2, 3));
  EXPECT_THAT(plan(kFour, {.workers = 3, .cpu_quota = 1}).workers, ElementsAre(1, 2, 3));
  EXPECT_THAT(plan(kFour, {.most_workers = 2}).workers, ElementsAre(1, 2));
}

class CpuQuota : public testing::Test {
 protected:
  CpuQuota() {
    std::string name = std::filesystem::temp_directory_path() / "quota-XXXXXX";
    top_ = mkdtemp(name.data());
  }
  ~CpuQuota() override { std::filesystem::remove_all(top_); }

  void put(const std::string& path, const std::string& text) const {
    std::filesystem::create_directories((top_ / path).parent_path());
    std::ofstream(top_ / path) << text << "\n";
  }
  [[nodiscard]] std::optional<unsigned> quota() const {
    return cpu_quota(top_ / "membership", top_ / "fs");
  }

 private:
  std::filesystem::path top_;
};

TEST_F(CpuQuota, IsTheSmallestOnTheWayUp) {
  put("membership", "0::/a/b");
  EXPECT_EQ(quota(), std::nullopt);
  put("fs/a/b/cpu.max", "max 100000");
  EXPECT_EQ(quota(), std::nullopt);
  put("fs/a/cpu.max", "250000 100000");
  EXPECT_EQ(quota(), 2U);
  put("fs/cpu.max", "50000 100000");
  EXPECT_EQ(quota(), 1U);
}

TEST_F(CpuQuota, IsReadFromVersionOneToo) {
  put("membership", "5:cpuset:/x\n4:cpu,cpuacct:/a\n0::/a");
  put("fs/cpu,cpuacct/a/cpu.cfs_quota_us", "-1");
  put("fs/cpu,cpuacct/a/cpu.cfs_period_us", "100000");
  EXPECT_EQ(quota(), std::nullopt);
  put("fs/cpu,cpuacct/cpu.cfs_quota_us", "400000");
  put("fs/cpu,cpuacct/cpu.cfs_period_us", "100000");
  EXPECT_EQ(quota(), 4U);
}

TEST(Cores, OfThisMachineAreThoseOfItsAffinityMask) {
  const auto cpus = available_cpus();
  ASSERT_TRUE(cpus);
  cpu_set_t mask;
  ASSERT_EQ(sched_getaffinity(0, sizeof(mask), &mask), 0);
  EXPECT_EQ(cpus->size(), static_cast<std::size_t>(CPU_COUNT(&mask)));
  for (const Cpu& cpu : *cpus) {
    EXPECT_TRUE(CPU_ISSET(cpu.id, &mask));
    EXPECT_GE(cpu.node, 0);
  }
  EXPECT_EQ(pci_node("ffff:ff:1f.7"), -1);
}

}  // namespace
}  // namespace gotthard::nic
