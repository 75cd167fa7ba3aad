#include "core/password_policy.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace factory::core {
namespace {

TEST(PasswordPolicy, JudgesByLengthInBytes) {
  EXPECT_EQ(check_password(""), PasswordVerdict::too_short);
  EXPECT_EQ(check_password("kT4!xq9"), PasswordVerdict::too_short);
  EXPECT_EQ(check_password("kT4!xq9z"), PasswordVerdict::ok);
  EXPECT_EQ(check_password("\xc3\xa9\xc3\xa8\xc3\xa0z"), PasswordVerdict::too_short);
  EXPECT_EQ(check_password("\xc3\xa9\xc3\xa8\xc3\xa0\xc3\xbc"), PasswordVerdict::ok);
  std::string longest;
  while (longest.size() < 128) longest.append("kT4!xq9z");
  EXPECT_EQ(check_password(longest), PasswordVerdict::ok);
  EXPECT_EQ(check_password(longest + "a"), PasswordVerdict::too_long);
}

TEST(PasswordPolicy, RefusesCommonOnesInAnyCase) {
  for (const char* password : {"password", "PASSWORD", "PassWord1", "12345678", "1234567890", "qwertyuiop", "Iloveyou1",
                               "letmein123", "p@ssw0rd", "Admin123", "Summer2024", "1qaz2wsx", "football"}) {
    EXPECT_EQ(check_password(password), PasswordVerdict::common) << password;
  }
  for (const char* password : {"aaaaaaaa", "abababab", "11111111111111", "aAaAaAaA", "zzzzzzzzzzzzzzzzzzzz"}) {
    EXPECT_EQ(check_password(password), PasswordVerdict::common) << password;
  }
  for (const char* password : {"passwordpasswordx", "tr0ub4dor&3", "abcabcabd", "the quick brown fox"}) {
    EXPECT_EQ(check_password(password), PasswordVerdict::ok) << password;
  }
}

TEST(PasswordPolicy, RefusesTheAddress) {
  EXPECT_EQ(check_password("ann@example.com", "ann@example.com"), PasswordVerdict::same_as_address);
  EXPECT_EQ(check_password("ANN@example.com", "ann@Example.com"), PasswordVerdict::same_as_address);
  EXPECT_EQ(check_password("annabella.b", "Annabella.B@example.com"), PasswordVerdict::same_as_address);
  EXPECT_EQ(check_password("annabella.bx", "annabella.b@example.com"), PasswordVerdict::ok);
  EXPECT_EQ(check_password("annabella.b", ""), PasswordVerdict::ok);
}

TEST(PasswordPolicy, TheListIsLongSortedUniqueAndReachable) {
  const auto list = common_passwords();
  EXPECT_GE(list.size(), 1000U);
  for (std::size_t i = 0; i < list.size(); ++i) {
    EXPECT_GE(list[i].size(), kMinPasswordSize) << list[i];
    EXPECT_TRUE(std::ranges::none_of(list[i], [](char c) { return (c >= 'A' && c <= 'Z') || c < '!' || c > '~'; }))
        << list[i];
    EXPECT_TRUE(i == 0 || list[i - 1] < list[i]) << list[i];
    EXPECT_EQ(check_password(list[i]), PasswordVerdict::common) << list[i];
  }
}

TEST(PasswordPolicy, SaysWhatIsWrong) {
  EXPECT_STREQ(describe(PasswordVerdict::ok), "");
  for (const auto verdict : {PasswordVerdict::too_short, PasswordVerdict::too_long, PasswordVerdict::common,
                             PasswordVerdict::same_as_address}) {
    EXPECT_TRUE(std::string_view(describe(verdict)).ends_with('.'));
  }
}

}  // namespace
}  // namespace factory::core
