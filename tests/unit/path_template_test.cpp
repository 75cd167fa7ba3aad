#include "core/path_template.hpp"

#include <gtest/gtest.h>

namespace factory::core {
namespace {

using Segments = std::vector<std::string>;

TEST(PathTemplate, IsValidOrNot) {
  for (const char* text : {"/", "/v1", "/v1/members/{user_id}", "/v1/openapi.json", "/{a}/{b2}", "/A-b_c~d.e",
                           "/azAZ09/{az_09}", "/a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p"}) {
    const auto path = PathTemplate::parse(text);
    ASSERT_TRUE(path) << text;
    EXPECT_EQ(path->text(), text);
  }
  for (const char* text : {"",         "v1",
                           "//",       "/v1/",
                           "/v1//a",   "/.",
                           "/..",      "/v1/../a",
                           "/{}",      "/{A}",
                           "/{1a}",    "/{a b}",
                           "/{a-b}",   "/{a}b",
                           "/x{a}",    "/{a",
                           "/ab}",     "/{{a}}",
                           "/{a}/{a}", "/a b",
                           "/a%20b",   "/a?b",
                           "/a#b",     "/*",
                           "/:id",     "/a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p/q",
                           "/\xc3\xa9"}) {
    EXPECT_FALSE(PathTemplate::parse(text)) << text;
  }
}

TEST(PathTemplate, CapturesByPosition) {
  const auto path = *PathTemplate::parse("/v1/{list}/{item_id}/x");
  const auto captures = path.match(Segments{"v1", "a b", "7", "x"});
  ASSERT_TRUE(captures);
  EXPECT_EQ(*captures, (Captures{{"list", "a b"}, {"item_id", "7"}}));
  for (const Segments& segments : {Segments{}, Segments{"v1"}, Segments{"v1", "a", "7"}, Segments{"v1", "a", "7", "y"},
                                   Segments{"V1", "a", "7", "x"}, Segments{"v1", "", "7", "x"},
                                   Segments{"v1", "a", "7", "x", "y"}, Segments{"v1", "a", "7", "x", ""}}) {
    EXPECT_FALSE(path.match(segments));
  }
  EXPECT_EQ(PathTemplate::parse("/")->match(Segments{}), Captures{});
}

}  // namespace
}  // namespace factory::core
