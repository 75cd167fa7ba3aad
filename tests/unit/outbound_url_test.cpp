#include "core/outbound_url.hpp"

#include <gtest/gtest.h>

namespace factory::core {
namespace {

TEST(OutboundUrl, AcceptsPlainOnes) {
  for (const char* url : {"https://example.com", "https://example.com/", "https://example.com:8443/a/b?c=d%20e",
                          "https://hooks.example.com?x=y@z", "https://192.0.2.1/x", "https://[2001:db8::1]/",
                          "https://[2001:db8::1]:444/", "https://a_b.example.com/"})
    EXPECT_EQ(outbound_url_fault(url, true), "") << url;
  EXPECT_EQ(outbound_url_fault("http://127.0.0.1:9/x", false), "");
}

TEST(OutboundUrl, RefusesTheOthers) {
  for (const char* url : {"",
                          "example.com",
                          "ftp://example.com/",
                          "file:///etc/passwd",
                          "gopher://x/",
                          "HTTPS//x",
                          "https://",
                          "https:///x",
                          "https://user@example.com/",
                          "https://user:secret@example.com/",
                          "https://example.com#x",
                          "https://example.com/\\x",
                          "https://example.com\\@evil.example/",
                          "https://exa mple.com/",
                          "https://x\r\nA: b/",
                          "https://example.com:0/",
                          "https://example.com:65536/",
                          "https://example.com:x/",
                          "https://example.com:/",
                          "https://-x/",
                          "https://x./",
                          "https://[::1",
                          "https://::1/",
                          "https://[]/",
                          "https://\xc3\xa4.example/",
                          "https://exam%70le.com/"})
    EXPECT_NE(outbound_url_fault(url, false), "") << url;
  EXPECT_NE(outbound_url_fault("http://example.com/", true), "");
  EXPECT_NE(outbound_url_fault("https://example.com/" + std::string(2048, 'x'), true), "");
}

TEST(OutboundUrl, TellsTheAuthority) {
  EXPECT_EQ(outbound_url_authority("https://example.com:8443/a?b"), "example.com:8443");
  EXPECT_EQ(outbound_url_authority("https://[2001:db8::1]?b"), "[2001:db8::1]");
}

}  // namespace
}  // namespace factory::core
