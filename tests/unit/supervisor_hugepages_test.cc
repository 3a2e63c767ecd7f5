// How many hugepages a gateway needs, and how the pool is changed and put back.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "tests/unit/temporary_directory.h"
#include "tools/supervisor/hugepages.h"

namespace gotthard::supervisor {
namespace {

using test::TemporaryDirectory;
using testing::HasSubstr;

TEST(Hugepages, PlanTakesFreeOnesThenReservesThenGoesWithout) {
  using config::Hugepages;
  EXPECT_EQ(*plan_hugepages(Hugepages::never, 100, 1000, 1 << 30), (HugepagePlan{false, 0}));
  EXPECT_EQ(*plan_hugepages(Hugepages::automatic, 100, 100, 0), (HugepagePlan{true, 0}));
  EXPECT_EQ(*plan_hugepages(Hugepages::automatic, 100, 40, 1 << 20), (HugepagePlan{true, 60}));
  EXPECT_EQ(*plan_hugepages(Hugepages::automatic, 100, 40, 200'000), (HugepagePlan{false, 0}));
  EXPECT_EQ(*plan_hugepages(Hugepages::required, 100, 40, 200'000), (HugepagePlan{true, 60}));
  const auto refused = plan_hugepages(Hugepages::required, 100, 40, 1000);
  ASSERT_FALSE(refused.has_value());
  EXPECT_THAT(refused.error().message, HasSubstr("60 more pages"));
}

TEST(Hugepages, NeedGrowsWithBuffersMtuAndPeers) {
  config::Config config;
  const auto least = hugepages_needed(config, 1, 1);
  EXPECT_GT(least, 20U) << "what 16384 buffers of 1500 bytes take was measured";
  config.dataplane.mbufs = 65536;
  const auto buffers = hugepages_needed(config, 1, 1);
  EXPECT_GT(hugepages_needed(config, 1, 2), buffers) << "each node has its own";
  EXPECT_GT(buffers, least);
  config.ports.resize(1);
  config.ports[0].mtu = 9000;
  const auto jumbo = hugepages_needed(config, 1, 1);
  EXPECT_GT(jumbo, buffers);
  config.wireguard.resize(1);
  config.wireguard[0].peers.resize(1000);
  EXPECT_GT(hugepages_needed(config, 1, 1), jumbo);
}

TEST(Hugepages, BuffersAreEnoughForAllQueuesUnlessWritten) {
  config::Config config;
  config.ports.resize(2);
  EXPECT_EQ(mbufs_needed(config, 1), 16384U);
  EXPECT_EQ(mbufs_needed(config, 16), 2U * 2 * 2 * 16 * 512);
  EXPECT_EQ(mbufs_needed(config, 1000), 2U * 2 * 2 * 64 * 512) << "there are no more workers";
  config.dataplane.workers = 32;
  EXPECT_EQ(mbufs_needed(config, 16), 2U * 2 * 2 * 32 * 512);
  config.dataplane.cores = {4, 5};
  EXPECT_EQ(mbufs_needed(config, 16), 16384U);
  config.dataplane.mbufs = 5000;
  EXPECT_EQ(mbufs_needed(config, 16), 5000U);
}

TEST(Hugepages, NodesAreThoseOfThePorts) {
  const TemporaryDirectory directory;
  const auto add = [&](const std::string& device, int node) {
    std::filesystem::create_directories(directory.path() + "/" + device);
    std::ofstream(directory.path() + "/" + device + "/numa_node") << node << "\n";
  };
  add("0000:3b:00.0", 0);
  add("0000:3b:00.1", 0);
  add("0000:af:00.0", 1);
  add("0000:00:04.0", -1);
  config::Config config;
  EXPECT_EQ(port_nodes(config, directory.path()), 1U);
  for (const char* device :
       {"net_tap0,iface=x", "0000:00:04.0", "0000:3b:00.0", "0000:3b:00.1,a=1"}) {
    config.ports.push_back({.device = device});
    EXPECT_EQ(port_nodes(config, directory.path()), 1U);
  }
  config.ports.push_back({.device = "0000:af:00.0"});
  EXPECT_EQ(port_nodes(config, directory.path()), 2U);
}

TEST(Hugepages, PoolIsResizedByWhatWasAdded) {
  const TemporaryDirectory directory;
  const auto write = [&](const char* file, int value) {
    std::ofstream(directory.path() + "/" + file) << value << "\n";
  };
  const auto total = [&] {
    int value = -1;
    std::ifstream(directory.path() + "/nr_hugepages") >> value;
    return value;
  };
  write("nr_hugepages", 10);
  write("free_hugepages", 4);
  write("surplus_hugepages", 0);
  HugepagePool pool(directory.path());
  ASSERT_TRUE(pool.lock().has_value());
  EXPECT_EQ(*pool.free_pages(), 4U);
  EXPECT_EQ(*pool.add(50), 50U);
  EXPECT_EQ(total(), 60);
  EXPECT_TRUE(pool.remove(50).has_value());
  EXPECT_EQ(total(), 10);
  // Three of these are a dead gateway's: the kernel takes them back by itself.
  write("nr_hugepages", 63);
  write("surplus_hugepages", 3);
  EXPECT_TRUE(pool.remove(50).has_value());
  EXPECT_EQ(total(), 10);
  EXPECT_FALSE(HugepagePool(directory.path() + "/absent").lock().has_value());
}

}  // namespace
}  // namespace gotthard::supervisor
