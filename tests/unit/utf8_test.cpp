#include "core/utf8.hpp"

#include <gtest/gtest.h>

namespace factory::core {
namespace {

TEST(Utf8, ReadsTheBoundsOfEveryLength) {
  const std::pair<std::string_view, char32_t> cases[] = {
      {std::string_view("\0", 1), 0},
      {"\x7f", 0x7f},
      {"\xc2\x80", 0x80},
      {"\xdf\xbf", 0x7ff},
      {"\xe0\xa0\x80", 0x800},
      {"\xed\x9f\xbf", 0xd7ff},
      {"\xee\x80\x80", 0xe000},
      {"\xef\xbf\xbf", 0xffff},
      {"\xf0\x90\x80\x80", 0x10000},
      {"\xf4\x8f\xbf\xbf", 0x10ffff},
  };
  for (const auto& [text, value] : cases) {
    EXPECT_EQ(first_code_point(text).value, value);
    EXPECT_EQ(first_code_point(text).size, text.size());
    EXPECT_TRUE(valid_utf8(text));
  }
}

TEST(Utf8, RefusesEverythingElse) {
  for (const std::string_view text :
       {"\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xc2", "\xc2\x41", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xed\xbf\xbf",
        "\xe2\x82", "\xe2\x28\xa1", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff", "\xfe",
        "\xf0\x9f\x98", "a\xff"}) {
    EXPECT_FALSE(valid_utf8(text));
  }
  EXPECT_EQ(first_code_point("").size, 0U);
  EXPECT_TRUE(valid_utf8(""));
  EXPECT_TRUE(valid_utf8("a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80z"));
}

TEST(Utf8, ClipsWhatIsSaidBack) {
  const std::string most(64, 'x');
  EXPECT_EQ(clipped(""), "");
  EXPECT_EQ(clipped(most), most);
  EXPECT_EQ(clipped(most + "x"), most + "\xe2\x80\xa6");
  EXPECT_EQ(clipped(std::string(1 << 20, 'x')).size(), 67U);
  // A code point is whole or gone.
  for (const std::string_view point : {"\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80"})
    for (std::size_t before = 60; before <= 64; ++before) {
      const std::string said = clipped(std::string(before, 'x') + std::string(point) + most);
      EXPECT_TRUE(valid_utf8(said));
      EXPECT_LE(said.size(), 67U);
      EXPECT_GE(said.size(), before + 3);
    }
}

}  // namespace
}  // namespace factory::core
