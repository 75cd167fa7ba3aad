#include "core/etag.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace factory::core {
namespace {

constexpr std::int64_t kLargest = std::numeric_limits<std::int64_t>::max();

TEST(Etag, IsAStrongTagOfTheVersion) {
  EXPECT_EQ(format_etag(3), "\"v3\"");
  EXPECT_EQ(format_etag(kLargest), "\"v9223372036854775807\"");
  for (const std::int64_t version : {std::int64_t{0}, std::int64_t{1}, std::int64_t{12345}, kLargest}) {
    const auto condition = parse_if_match(format_etag(version));
    ASSERT_TRUE(condition);
    EXPECT_TRUE(condition->allows(version));
    EXPECT_FALSE(condition->allows(version - 1));
  }
}

TEST(IfMatch, ReadsListsAndTheStar) {
  struct Case {
    const char* header;
    bool any;
    std::vector<std::int64_t> versions;
  };
  const Case cases[] = {
      {"*", true, {}},
      {" *\t", true, {}},
      {"\"v3\"", false, {3}},
      {" \"v3\" ", false, {3}},
      {"\"v3\",\"v4\"", false, {3, 4}},
      {"\"v3\" , \t\"v4\" ,\"v5\"", false, {3, 4, 5}},
      {", \"v3\",, ,\"v4\",", false, {3, 4}},
      {"\"abc\"", false, {}},
      {"\"!#~\"", false, {}},
      {"\"\"", false, {}},
      {"\"v03\"", false, {}},
      {"\"v-3\"", false, {}},
      {"\"v+3\"", false, {}},
      {"\"v3 \"x", false, {}},
      {"\"V3\"", false, {}},
      {"\"v9223372036854775808\"", false, {}},
      {"\"v3,v4\"", false, {}},
      {"\"abc\", \"v7\"", false, {7}},
      {"\"\xc3\xa9\"", false, {}},
  };
  for (const auto& [header, any, versions] : cases) {
    const auto condition = parse_if_match(header);
    if (std::string_view(header).ends_with('x')) {
      EXPECT_FALSE(condition) << header;
      continue;
    }
    ASSERT_TRUE(condition) << header;
    EXPECT_EQ(condition->any, any) << header;
    EXPECT_EQ(condition->versions, versions) << header;
  }
  EXPECT_TRUE(parse_if_match("*")->allows(7));
  EXPECT_TRUE(parse_if_match("\"v3\", \"v4\"")->allows(4));
  EXPECT_FALSE(parse_if_match("\"v3\", \"v4\"")->allows(5));
  EXPECT_FALSE(parse_if_match("\"abc\"")->allows(0));
}

TEST(IfMatch, RefusesWhatIsMalformedOrWeak) {
  for (const char* header : {"",
                             " ",
                             ",",
                             " , ",
                             "v3",
                             "3",
                             "\"v3",
                             "v3\"",
                             "\"",
                             "\"v3\"\"v4\"",
                             "\"v3\" \"v4\"",
                             "'v3'",
                             "W/\"v3\"",
                             "w/\"v3\"",
                             "\"v3\", W/\"v4\"",
                             "**",
                             "*, \"v3\"",
                             "\"v3\", *",
                             "\"v3\";q=1",
                             "\"a b\"",
                             "\"a\x7f\"",
                             "\"a\nb\"",
                             "\"v3\"\n",
                             "\"v3\\\"\""}) {
    EXPECT_FALSE(parse_if_match(header)) << header;
  }
}

}  // namespace
}  // namespace factory::core
