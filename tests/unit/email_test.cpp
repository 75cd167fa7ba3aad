#include "core/email.hpp"

#include <gtest/gtest.h>

#include <utility>

namespace factory::core {
namespace {

TEST(Email, IsNormalised) {
  const std::pair<std::string, const char*> cases[] = {
      {"ann@example.com", "ann@example.com"},
      {"Ann.B+Shop@EXAMPLE.Co.UK", "ann.b+shop@example.co.uk"},
      {"o'brien@example.com", "o'brien@example.com"},
      {"a@b.cd", "a@b.cd"},
      {"x_y-z@my-host.example", "x_y-z@my-host.example"},
      {"09azAZ@09-azAZ.com", "09azaz@09-azaz.com"},
      {"user@xn--mnchen-3ya.de", "user@xn--mnchen-3ya.de"},
      {"!#$%&'*+-/=?^_`{|}~@example.com", "!#$%&'*+-/=?^_`{|}~@example.com"},
  };
  for (const auto& [address, wanted] : cases) EXPECT_EQ(normalize_email(address), wanted) << address;
}

TEST(Email, IsRefused) {
  for (const std::string_view address : std::initializer_list<std::string_view>{"",
                                                                                "@",
                                                                                "a",
                                                                                "a@",
                                                                                "@b.cd",
                                                                                "a@b",
                                                                                "a@localhost",
                                                                                "a@@b.cd",
                                                                                "a@b@c.de",
                                                                                ".a@b.cd",
                                                                                "a.@b.cd",
                                                                                "a..b@c.de",
                                                                                "a@.b.cd",
                                                                                "a@b.cd.",
                                                                                "a@b..cd",
                                                                                "a@-b.cd",
                                                                                "a@b-.cd",
                                                                                "a@b_c.de",
                                                                                "a@127.0.0.1",
                                                                                "a@[127.0.0.1]",
                                                                                "a@b.0129",
                                                                                " a@b.cd",
                                                                                "a@b.cd ",
                                                                                "a b@c.de",
                                                                                "a@b c.de",
                                                                                "a\t@b.cd",
                                                                                "a@b.cd\n",
                                                                                "a@b.cd\r\nBcc: x@y.zz",
                                                                                std::string_view("a\0@b.cd", 7),
                                                                                "\"a b\"@c.de",
                                                                                "a(b)@c.de",
                                                                                "a,b@c.de",
                                                                                "a;b@c.de",
                                                                                "a:b@c.de",
                                                                                "a<b@c.de>",
                                                                                "Ann <ann@example.com>",
                                                                                "\xc3\xa9@b.cd",
                                                                                "a@\xc3\xa9.cd",
                                                                                "a\x7f@b.cd",
                                                                                "mailto:a@b.cd",
                                                                                "a@b.cd,c@d.ef"}) {
    EXPECT_FALSE(normalize_email(address)) << address;
  }
}

TEST(Email, HasLargestSizes) {
  const std::string label(63, 'd');
  EXPECT_TRUE(normalize_email(std::string(64, 'a') + "@b.cd"));
  EXPECT_FALSE(normalize_email(std::string(65, 'a') + "@b.cd"));
  EXPECT_TRUE(normalize_email("a@" + label + ".com"));
  EXPECT_FALSE(normalize_email("a@" + label + "d.com"));
  const std::string domain = label + "." + label + "." + label + ".";
  EXPECT_TRUE(normalize_email("a@" + domain + std::string(254 - 2 - domain.size(), 'c')));
  EXPECT_FALSE(normalize_email("ab@" + domain + std::string(254 - 2 - domain.size(), 'c')));
}

}  // namespace
}  // namespace factory::core
