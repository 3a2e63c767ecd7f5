// The file of a throughput run: what is read, what is refused, and where and how it is said.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "perf/line_rate/settings.h"
#include "tests/unit/config_text.h"

namespace gotthard::perf::line_rate {
namespace {

using testing::HasSubstr;

constexpr const char* kWhole = R"([generator]
workers = 2
hugepages = "never"
[[port]]
name = "a"
device = "net_memif0,role=client,id=0,socket=/tmp/a.sock,socket-abstract=no"
mtu = 1500
mac = "02:00:00:00:00:0a"
addresses = ["10.1.0.2", "fd01::2"]
gateway = "10.1.0.1"
[[port]]
name = "b"
device = "0000:3b:00.1"
addresses = ["10.2.0.2"]
gateway_mac = "02:00:00:00:00:01"
[[flow]]
from = "a"
to = "b"
source = "10.1.0.2/24"
destination = "10.2.0.2/24"
tunnels = 3
count = 2
[trial]
seconds = 2.5
first_seconds = 0.1
sizes = [64, 512, "imix"]
directions = "both"
precision = 0.02
loss_ratios = [0, 0.005]
min_rate = 2000
max_rate = 1e6
repeat = 3
most_trials = 50
patience = 3
wait = 0.1
)";

std::string with(const std::string& from, const std::string& to) {
  return config::replaced(kWhole, from, to);
}

std::string error_of(const std::string& text) {
  auto settings = parse_settings(text, "/etc/lr.toml");
  if (!settings) {
    return settings.error().message;
  }
  const Status checked = check(&*settings);
  return checked ? "(accepted)" : checked.error().message;
}

Settings accepted(const std::string& text) {
  auto settings = parse_settings(text, "/etc/lr.toml");
  EXPECT_TRUE(settings) << settings.error().message;
  EXPECT_TRUE(check(&*settings));
  return *settings;
}

TEST(LineRateSettings, ReadsEverything) {
  const Settings settings = accepted(kWhole);
  EXPECT_EQ(settings.generator.workers, 2U);
  EXPECT_EQ(settings.generator.hugepages, config::Hugepages::never);
  ASSERT_EQ(settings.ports.size(), 2U);
  EXPECT_EQ(settings.ports[0].mac, (wire::Mac{2, 0, 0, 0, 0, 10}));
  EXPECT_EQ(settings.ports[0].addresses.size(), 2U);
  EXPECT_EQ(config::to_string(*settings.ports[0].gateway), "10.1.0.1");
  EXPECT_EQ(to_string(*settings.ports[1].gateway_mac), "02:00:00:00:00:01");
  const TrialSettings& trial = settings.trial;
  EXPECT_EQ(trial.seconds, 2.5);
  EXPECT_EQ(trial.first_seconds, 0.1);
  EXPECT_EQ(trial.sizes, (std::vector<FrameSize>{FrameSize(64), FrameSize(512), FrameSize()}));
  EXPECT_EQ(trial.precision, 0.02);
  EXPECT_EQ(trial.loss_ratios, (std::vector<double>{0, 0.005}));
  EXPECT_EQ(trial.min_rate, 2000);
  EXPECT_EQ(trial.max_rate, 1e6);
  EXPECT_EQ(trial.repeat, 3U);
  EXPECT_EQ(trial.most_trials, 50U);
  EXPECT_EQ(trial.patience, 3);
  EXPECT_EQ(trial.wait, 0.1);
}

TEST(LineRateSettings, FlowsGoThroughEachTunnelBothWays) {
  const auto flows = flows_of(accepted(kWhole));
  ASSERT_EQ(flows.size(), 12U);
  EXPECT_EQ(config::to_string(flows[0].source), "10.1.0.2");
  EXPECT_EQ(config::to_string(flows[11].source), "10.2.2.2");
  EXPECT_EQ(config::to_string(flows[11].destination), "10.1.2.2");
  EXPECT_EQ(flows[11].from, 1U);
  EXPECT_EQ(flows[11].to, 0U);
  EXPECT_NE(flows[0].source_port, flows[2].source_port);
  EXPECT_EQ(flows_of(accepted(with("\"both\"", "\"forward\""))).size(), 6U);
  EXPECT_EQ(flows_of(accepted(with("\"both\"", "\"back\"")))[0].from, 1U);
  const auto same = flows_of(accepted(with("count = 2", "count = 2\nsame_source = true")));
  EXPECT_EQ(config::to_string(same[10].source), "10.1.0.2");
}

TEST(LineRateSettings, PrefixesFollowEachOtherAcrossBytes) {
  const auto last = [](const std::string& destination, const std::string& source) {
    const auto flows = flows_of(accepted(config::replaced(
        config::replaced(config::replaced(with("10.2.0.2/24", destination), "10.1.0.2/24", source),
                         "tunnels = 3", "tunnels = 300"),
        "[64, 512, \"imix\"]", "[512]")));
    return config::to_string(flows.back().source);  // of the way back
  };
  EXPECT_EQ(last("10.2.0.2/24", "10.1.0.2/16"), "10.3.43.2");
  EXPECT_EQ(last("10.2.0.2/28", "10.1.0.2/16"), "10.2.18.178");
  EXPECT_EQ(last("10.2.0.2", "10.1.0.2"), "10.2.1.45");
  EXPECT_EQ(last("fd02::2/64", "fd01::2/64"), "fd02:0:0:12b::2");
}

TEST(LineRateSettings, UsualSizesAreThoseThatFit) {
  const auto count = [](const std::string& text) { return accepted(text).trial.sizes.size(); };
  const std::string none = with("sizes = [64, 512, \"imix\"]\n", "");
  EXPECT_EQ(count(none), 9U);
  EXPECT_EQ(count(config::replaced(none, "mtu = 1500", "mtu = 1400")), 6U);
  EXPECT_EQ(count(config::replaced(config::replaced(none, "10.1.0.2/24", "fd01::2/64"),
                                   "10.2.0.2/24", "fd02::2/64")),
            7U);
}

TEST(LineRateSettings, SayWhatIsWrongAndWhere) {
  const auto expect = [](const std::string& from, const std::string& to, const std::string& said) {
    EXPECT_THAT(error_of(with(from, to)), HasSubstr(said)) << to;
  };
  expect("workers = 2", "worker = 2",
         "/etc/lr.toml:2: [generator] has no key 'worker': did you mean 'workers'?");
  expect("name = \"a\"\n", "", "/etc/lr.toml:4: [[port]] needs 'name': write name = \"...\"");
  expect("name = \"b\"", "name = \"a\"", "/etc/lr.toml:12: two ports are named 'a'");
  expect("0000:3b:00.1", "net_memif0,id=1",
         ":13: device 'net_memif0' belongs to another port already");
  expect("0000:3b:00.1", "eth1", ":13: 'eth1' is no device: write a PCI address");
  expect("02:00:00:00:00:0a", "02:00:00:00:00",
         ":8: 'mac' in [[port]]: '02:00:00:00:00' is no Ethernet address");
  expect("02:00:00:00:00:01", "03:00:00:00:00:01", "is no Ethernet address of one host");
  expect("gateway_mac = \"02:00:00:00:00:01\"\n", "",
         ":11: port 'b' does not say where its frames go");
  expect("[\"10.1.0.2\", \"fd01::2\"]", "[\"fd01::2\"]",
         ":10: port 'a' has no address to ask for 10.1.0.1 as");
  expect("to = \"b\"", "to = \"c\"", ":18: 'to' in [[flow]] names no port");
  expect("10.2.0.2/24", "fd02::2/64",
         ":20: 'source' and 'destination' are of different IP versions");
  expect("10.2.0.2/24", "10.2.0.0/24",
         "names the network, not an address in it: write 10.2.0.1/24");
  expect("10.2.0.2/24", "224.0.0.1", "is no address of one host");
  expect("tunnels = 3", "tunnels = 0", ":21: 'tunnels' in [[flow]] must be a whole number from 1");
  expect("tunnels = 3", "tunnels = 30000", "120000 flows in both directions are more than 65536");
  expect("10.2.0.2/24", "255.0.0.2/1", "'255.0.0.2/1' is no address of one host");
  expect("10.2.0.2/24", "198.0.0.2/2", "there are no 3 prefixes behind");
  expect("[64, 512, \"imix\"]", "[64, \"mix\"]",
         ":26: 'sizes' in [trial]: 'mix' is no size of a frame: write 64 to 9618");
  expect("[64, 512, \"imix\"]", "[63]", "'63' is no size of a frame");
  expect("[64, 512, \"imix\"]", "[64.5]", "must be a list of whole numbers and texts");
  expect("[64, 512, \"imix\"]", "[]", "'sizes' is empty");
  expect("[64, 512, \"imix\"]", "[9000]",
         "frames of 9000 bytes do not fit the MTU of port 'a', 1500: write mtu = 8982 there");
  expect("seconds = 2.5", "seconds = 0",
         ":24: 'seconds' in [trial] must be a number from 0.01 to 3600");
  expect("seconds = 2.5", "seconds = nan", "must be a number from");
  expect("\"both\"", "\"all\"",
         ":27: 'directions' in [trial] must be one of \"both\", \"forward\", \"back\"");
  expect("[0, 0.005]", "[2]", "must be a list of numbers from 0 to 0.5");
  expect("max_rate = 1e6", "max_rate = 1000", "max_rate 1000 is below min_rate 2000");
  EXPECT_THAT(error_of("x = ["), HasSubstr("/etc/lr.toml:1:"));
  EXPECT_THAT(error_of(""), HasSubstr("/etc/lr.toml: there is nothing to send"));
  EXPECT_THAT(
      error_of(config::replaced(with("10.1.0.2/24", "fd01::2/64"), "10.2.0.2/24", "fd02::2/64")),
      HasSubstr("leave '64' out of sizes, 84 is the least"));
}

TEST(LineRateSettings, TheReadmesSampleIsRight) {
  std::ifstream file(GOTTHARD_README);
  const std::string readme((std::istreambuf_iterator<char>(file)),
                           std::istreambuf_iterator<char>());
  const std::string begin = "```toml line-rate\n";
  const auto at = readme.find(begin);
  ASSERT_NE(at, std::string::npos);
  const auto start = at + begin.size();
  EXPECT_EQ(error_of(readme.substr(start, readme.find("```", start) - start)), "(accepted)");
}

TEST(LineRateSettings, NoLossRatiosAreAnAnswerToo) {
  EXPECT_TRUE(accepted(with("[0, 0.005]", "[]")).trial.loss_ratios.empty());
  EXPECT_EQ(accepted(with("[0, 0.005]", "[0.01, 0, 0.01]")).trial.loss_ratios,
            (std::vector<double>{0, 0.01}));
}

}  // namespace
}  // namespace gotthard::perf::line_rate
