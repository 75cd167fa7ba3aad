#include "core/client_network.hpp"

#include <gtest/gtest.h>

namespace factory::core {
namespace {

std::string text_of(const std::string& address) {
  const auto network = ClientNetwork::of(address);
  return network ? network->text() : "none";
}

TEST(ClientNetwork, IsTheAddressOfIpv4AndTheSubscriberOfIpv6) {
  EXPECT_EQ(text_of("192.0.2.1"), "192.0.2.1");
  EXPECT_EQ(text_of("192.0.2.1/32"), "192.0.2.1");
  EXPECT_EQ(text_of("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::/64");
  EXPECT_EQ(text_of("2001:db8:1:2::/64"), "2001:db8:1:2::/64");
  EXPECT_EQ(text_of("::1"), "::/64");
}

TEST(ClientNetwork, TakesMappedFormsAsTheSameClient) {
  EXPECT_EQ(ClientNetwork::of("::ffff:192.0.2.1"), ClientNetwork::of("192.0.2.1"));
  EXPECT_EQ(ClientNetwork::of("::ffff:c000:201"), ClientNetwork::of("192.0.2.1"));
  EXPECT_NE(ClientNetwork::of("::ffff:192.0.2.1"), ClientNetwork::of("::ffff:192.0.2.2"));
  EXPECT_EQ(ClientNetwork::of("2001:db8::1"), ClientNetwork::of("2001:db8::ffff"));
  EXPECT_NE(ClientNetwork::of("2001:db8::1"), ClientNetwork::of("2001:db8:0:1::1"));
}

TEST(ClientNetwork, RefusesWhatIsNoAddress) {
  for (const char* text : {"", "192.0.2", "192.0.2.1:443", "[::1]", "host", "192.0.2.1 ", "::ffff:1.2.3.4.5"})
    EXPECT_FALSE(ClientNetwork::of(text)) << text;
}

}  // namespace
}  // namespace factory::core
