#include "nic/device.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <charconv>
#include <string>

namespace gotthard::nic {
namespace {

using testing::HasSubstr;

unsigned value_of(const std::string& arguments, const std::string& key) {
  const auto at = ("," + arguments).find("," + key + "=");
  unsigned value = 0;
  if (at != std::string::npos) {
    const std::string text = arguments.substr(at + key.size() + 1);
    std::from_chars(text.data(), text.data() + text.size(), value);
  }
  return value;
}

TEST(Device, TakesPciAddresses) {
  const auto full = parse_device("0000:3B:00.1", 4, 1500);
  ASSERT_TRUE(full);
  EXPECT_TRUE(full->pci);
  EXPECT_EQ(full->name, "0000:3b:00.1");
  EXPECT_EQ(full->arguments, "");
  EXPECT_EQ(parse_device("3b:00.1", 4, 1500)->name, "0000:3b:00.1");
  EXPECT_EQ(parse_device("10000:01:00.0", 1, 1500)->name, "10000:01:00.0");
  const auto with = parse_device("0000:3b:00.1,mprq_en=1", 4, 1500);
  ASSERT_TRUE(with);
  EXPECT_EQ(with->name, "0000:3b:00.1");
  EXPECT_EQ(with->arguments, "mprq_en=1");
}

TEST(Device, RefusesWhatIsNone) {
  for (const char* text : {"", "eth1", "0000:3b:00", "0000:3b:00.9", ",iface=eth1"}) {
    const auto device = parse_device(text, 1, 1500);
    ASSERT_FALSE(device) << text;
    EXPECT_THAT(device.error().message, HasSubstr("write a PCI address such as"));
  }
  for (const char* text :
       {"net_af_packet0", "net_af_xdp0,queue_count=1", "net_af_packet0,iface2=x"}) {
    const auto device = parse_device(text, 1, 1500);
    ASSERT_FALSE(device) << text;
    EXPECT_THAT(device.error().message, HasSubstr("iface=eth1"));
  }
}

TEST(Device, LeavesOtherVirtualDevicesAlone) {
  const auto null = parse_device("net_null0", 2, 1500);
  ASSERT_TRUE(null);
  EXPECT_EQ(null->name, "net_null0");
  EXPECT_EQ(null->arguments, "");
}

TEST(Device, GivesMemifSlotsForTheMtu) {
  EXPECT_EQ(parse_device("net_memif0,role=server,id=3", 2, 1500)->arguments,
            "role=server,id=3,bsize=2048");
  EXPECT_EQ(parse_device("net_memif0,bsize=4096", 2, 1500)->arguments, "bsize=4096");
  EXPECT_GE(value_of(parse_device("net_memif0", 1, 9000)->arguments, "bsize"), 9018U);
}

TEST(Device, GivesPacketSocketsAQueuePairAWorkerAndFramesForTheMtu) {
  for (const unsigned mtu : {1280U, 1500U, 1964U, 2000U, 4000U, 9000U, 9600U}) {
    const auto device = parse_device("net_af_packet0,iface=x", 3, static_cast<std::uint16_t>(mtu));
    ASSERT_TRUE(device);
    const std::string& arguments = device->arguments;
    EXPECT_EQ(value_of(arguments, "qpairs"), 3U);
    const unsigned frame = value_of(arguments, "framesz");
    const unsigned block = value_of(arguments, "blocksz");
    const unsigned count = value_of(arguments, "framecnt");
    EXPECT_GE(frame, mtu + 18 + 66) << mtu;
    EXPECT_LE(frame, mtu + 2048) << mtu;
    // PACKET_MMAP's rules, and the driver's: frames lie side by side through all blocks.
    EXPECT_EQ(frame % 16, 0U);
    EXPECT_EQ(block % 4096, 0U);
    EXPECT_EQ(block % frame, 0U);
    EXPECT_EQ(count % (block / frame), 0U);
    EXPECT_GE(count, 256U);
  }
}

TEST(Device, KeepsWhatTheOperatorWrote) {
  const auto device =
      parse_device("net_af_packet0,iface=x,qpairs=1,framesz=4096,blocksz=8192", 2, 1500);
  ASSERT_TRUE(device);
  EXPECT_EQ(device->arguments, "iface=x,qpairs=1,framesz=4096,blocksz=8192");
  EXPECT_EQ(parse_device("net_af_packet0,iface=x,framecnt=64", 1, 1500)->arguments,
            "iface=x,framecnt=64,qpairs=1,blocksz=4096,framesz=2048");
  EXPECT_EQ(parse_device("net_af_xdp0,iface=x", 2, 1500)->arguments, "iface=x,queue_count=2");
  EXPECT_EQ(parse_device("net_af_xdp0,iface=x,queue_count=1", 2, 1500)->arguments,
            "iface=x,queue_count=1");
}

}  // namespace
}  // namespace gotthard::nic
