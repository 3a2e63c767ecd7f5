// DPDK starts once a process: before the tests, without hugepages or devices.
#include <gtest/gtest.h>
#include <sodium.h>
#include <unistd.h>

#include <cstdio>
#include <string>

#include "base/log.h"
#include "crypto/init.h"
#include "nic/cores.h"
#include "nic/eal.h"
#include "tests/packet/bench.h"

namespace {

// A reason for dropping is done when a packet that must be dropped for it was seen counted.
class EveryDropReason : public testing::Environment {
 public:
  void TearDown() override {
    const auto& tests = *testing::UnitTest::GetInstance();
    if (tests.test_to_run_count() != tests.total_test_count()) {
      return;  // a filter left some out
    }
    for (std::size_t i = 1; i < gotthard::kDropCount; ++i) {
      EXPECT_TRUE(
          gotthard::packet_test::Bench::seen_drops().contains(static_cast<gotthard::Drop>(i)))
          << "no test drops a packet for the reason " << gotthard::kDropNames[i];
    }
  }
};

}  // namespace

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  testing::AddGlobalTestEnvironment(new EveryDropReason);
  gotthard::log::open("packet_test", gotthard::log::Format::logfmt);
  const auto cpus = gotthard::nic::available_cpus();
  const auto ready = gotthard::crypto::init();
  if (!cpus || !ready || sodium_init() < 0) {
    std::fprintf(stderr, "packet_test: no CPUs, or no cryptography\n");
    return 1;
  }
  const auto started =
      gotthard::nic::start_eal({.prefix = "gotthard-packet-test-" + std::to_string(getpid()),
                                .memory = gotthard::nic::Memory::pages,
                                .megabytes = 512,
                                .manager_cpus = {cpus->front().id},
                                .worker_cpus = {cpus->front().id, cpus->back().id},
                                .pci = {}});
  if (!started) {
    std::fprintf(stderr, "packet_test: %s\n", started.error().message.c_str());
    return 1;
  }
  const int result = RUN_ALL_TESTS();
  gotthard::nic::stop_eal();
  return result;
}
