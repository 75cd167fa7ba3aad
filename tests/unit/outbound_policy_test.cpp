#include "edge/outbound_policy.hpp"

#include <gtest/gtest.h>

namespace factory::edge {
namespace {

Address address(const char* text) { return Address::parse(text).value(); }

OutboundPolicy policy(std::initializer_list<std::pair<const char*, int>> openings) {
  std::vector<OutboundPolicy::Opening> parsed;
  for (const auto& [network, port] : openings) parsed.push_back({Network::parse(network).value(), port});
  return OutboundPolicy(std::move(parsed));
}

TEST(OutboundPolicy, KnowsPublicAddresses) {
  for (const char* text :
       {"1.1.1.1", "8.8.8.8", "100.63.255.255", "100.128.0.1", "126.255.255.255", "128.0.0.1", "172.15.255.255",
        "172.32.0.1", "192.0.1.1", "192.167.255.255", "192.169.0.1", "198.17.255.255", "198.20.0.1", "223.255.255.255",
        "2606:4700::1111", "2a00:1450::1", "2001:200::1", "2003::1"})
    EXPECT_TRUE(is_public(address(text))) << text;
}

TEST(OutboundPolicy, KnowsTheOthers) {
  for (const char* text : {"0.0.0.0",
                           "0.1.2.3",
                           "10.0.0.1",
                           "10.255.255.255",
                           "100.64.0.1",
                           "100.100.100.200",
                           "127.0.0.1",
                           "127.255.255.254",
                           "168.63.129.16",
                           "169.254.169.254",
                           "169.254.0.1",
                           "172.16.0.1",
                           "172.31.255.255",
                           "192.0.0.192",
                           "192.0.2.1",
                           "192.88.99.1",
                           "192.168.0.1",
                           "198.18.0.1",
                           "198.19.255.255",
                           "198.51.100.1",
                           "203.0.113.1",
                           "224.0.0.1",
                           "239.255.255.255",
                           "240.0.0.1",
                           "255.255.255.255",
                           "::",
                           "::1",
                           "::ffff:10.0.0.1",
                           "::ffff:127.0.0.1",
                           "::ffff:169.254.169.254",
                           "::127.0.0.1",
                           "64:ff9b::7f00:1",
                           "64:ff9b::a00:1",
                           "64:ff9b:1::1",
                           "100::1",
                           "2001::1",
                           "2001:0:4136:e378::1",
                           "2001:20::1",
                           "2001:db8::1",
                           "2002:7f00:1::",
                           "2002:a00:1::1",
                           "3fff::1",
                           "fc00::1",
                           "fd00:ec2::254",
                           "fe80::1",
                           "fec0::1",
                           "ff02::1",
                           "4000::1"})
    EXPECT_FALSE(is_public(address(text))) << text;
}

TEST(OutboundPolicy, LeavesPublicAddressesToTls) {
  const OutboundPolicy closed;
  EXPECT_TRUE(closed.allows(address("8.8.8.8"), 443, true));
  EXPECT_TRUE(closed.allows(address("8.8.8.8"), 8443, true));
  EXPECT_FALSE(closed.allows(address("8.8.8.8"), 80, false));
  EXPECT_FALSE(closed.allows(address("127.0.0.1"), 443, true));
}

TEST(OutboundPolicy, FollowsTheOperators) {
  const OutboundPolicy open =
      policy({{"10.1.0.0/16", 0}, {"127.0.0.1/32", 8025}, {"8.8.4.4/32", 80}, {"fd00::/8", 443}});
  EXPECT_TRUE(open.allows(address("10.1.2.3"), 1, false));
  EXPECT_TRUE(open.allows(address("::ffff:10.1.2.3"), 443, true));
  EXPECT_FALSE(open.allows(address("10.2.2.3"), 443, true));
  EXPECT_TRUE(open.allows(address("127.0.0.1"), 8025, false));
  EXPECT_FALSE(open.allows(address("127.0.0.1"), 8026, true));
  EXPECT_FALSE(open.allows(address("127.0.0.2"), 8025, false));
  EXPECT_TRUE(open.allows(address("8.8.4.4"), 80, false));
  EXPECT_TRUE(open.allows(address("fd00::1"), 443, true));
  EXPECT_FALSE(open.allows(address("fd00::1"), 444, true));
}

}  // namespace
}  // namespace factory::edge
