// A netlink follower on constructed messages: no kernel needed.
#pragma once

#include <gtest/gtest.h>

#include <cstring>
#include <vector>

#include "control/route/netlink_follower.h"
#include "tests/unit/route_messages.h"
#include "tests/unit/route_view.h"

namespace gotthard::route::test {

class NetlinkFollowerTest : public testing::Test {
 protected:
  NetlinkFollowerTest()
      : follower_([this](const Change& change) { view_.take(change); },
                  [this](std::span<const std::byte> bytes) {
                    nlmsghdr header{};
                    std::memcpy(&header, bytes.data(), sizeof(header));
                    EXPECT_EQ(header.nlmsg_len, bytes.size());
                    requests_.push_back(header);
                    table_ = 0;
                    if (header.nlmsg_type == RTM_GETROUTE) {
                      std::memcpy(&table_, bytes.data() + 32, sizeof(table_));
                    }
                    return send_works_;
                  }) {}

  void tell(const std::vector<Bytes>& messages) {
    follower_.on_datagram(joined(messages), true, now_);
  }
  Bytes done(std::uint16_t flags = 0) {
    return message(NLMSG_DONE, std::uint32_t{0}, {},
                   static_cast<std::uint16_t>(NLM_F_MULTI | flags), requests_.back().nlmsg_seq);
  }
  // Answers the running dump with these.
  void answer(const std::vector<Bytes>& messages, std::uint16_t flags = 0) {
    auto all = messages;
    all.push_back(done(flags));
    tell(all);
  }
  void synchronise() {
    follower_.start(now_);
    answer({link_message(3, "wan"), link_message(5, "wg0")});
    answer({address_message(3, "192.0.2.1", 24)});
    answer({rule_message(AF_INET, 32766, RT_TABLE_MAIN)});
    answer({});
    EXPECT_EQ(table_, kMainTable);
    answer({route_message("192.0.2.0", 24, 3), route_message("10.2.0.0", 16, 5)});
    answer({});
    answer({neighbour_message(3, "192.0.2.9", NUD_STALE, kMacBytes)});
  }
  // Of the rules told, in their order.
  std::vector<std::uint32_t> rule_tables() {
    std::vector<std::uint32_t> result;
    for (const PolicyRule& rule : view_.rules_in_order) {
      result.push_back(rule.table);
    }
    return result;
  }

  View view_;
  bool send_works_ = true;
  std::vector<nlmsghdr> requests_;
  std::uint32_t table_ = 0;  // whose routes were asked for last
  Nanoseconds now_ = 1000 * kSecond;
  NetlinkFollower follower_;
};

}  // namespace gotthard::route::test
