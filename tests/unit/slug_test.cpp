#include "core/slug.hpp"

#include <gtest/gtest.h>

#include <utility>

namespace factory::core {
namespace {

TEST(Slug, IsValidOrNot) {
  for (const std::string& slug : {std::string("abc"), std::string("a-1"), std::string("000"), std::string("a--b"),
                                  std::string(48, 'a'), std::string("acme-2")}) {
    EXPECT_TRUE(valid_slug(slug)) << slug;
  }
  for (const std::string& slug :
       {std::string(), std::string("a"), std::string("ab"), std::string(49, 'a'), std::string("-abc"),
        std::string("abc-"), std::string("Abc"), std::string("a_b"), std::string("a b"), std::string("a.b"),
        std::string("\xc3\xa9t\xc3\xa9"), std::string("abc\n"), std::string("ab\0c", 4), std::string("a/b")}) {
    EXPECT_FALSE(valid_slug(slug)) << slug;
  }
}

TEST(Slug, SomeAreReserved) {
  for (const char* slug : {"www", "api", "admin", "app", "auth", "static", "about", "login", "dashboard", "postgres"}) {
    EXPECT_TRUE(reserved_slug(slug)) << slug;
  }
  for (const char* slug : {"acme", "workspace", "demo", "wwww", "ap", "administration", ""}) {
    EXPECT_FALSE(reserved_slug(slug)) << slug;
  }
}

TEST(Slug, IsDerivedFromNames) {
  const std::pair<const char*, const char*> cases[] = {
      {"Acme", "acme"},
      {"Acme, Inc.", "acme-inc"},
      {"  The   Big -- Shop!  ", "the-big-shop"},
      {"Bob's Bakery", "bobs-bakery"},
      {"Bob\xe2\x80\x99s Bakery", "bobs-bakery"},
      {"M\xc3\xbcller & S\xc3\xb6hne", "muller-sohne"},
      {"Stra\xc3\x9f"
       "enbahn",
       "strassenbahn"},
      {"\xc3\x86r\xc3\xb8sk\xc3\xb8"
       "bing",
       "aeroskobing"},
      {"\xc5\x81\xc3\xb3"
       "d\xc5\xba",
       "lodz"},
      {"Ch\xc3\xa2teau d'\xc5\x92uvre", "chateau-doeuvre"},
      {"\xc4\xb0stanbul \xc3\x87"
       "ay\xc4\xb1",
       "istanbul-cayi"},
      {"\xc8\x98tefan \xc8\x9b", "stefan-t"},
      {"Vi\xe1\xbb\x87t Nam", "viet-nam"},
      {"e\xcc\x81"
       "cole",
       "ecole"},
      {"\xc3\x97"
       "abc\xc3\xb7",
       "abc"},
      {"", "workspace"},
      {"---", "workspace"},
      {"\xe6\x9d\xb1\xe4\xba\xac", "workspace"},
      {"\xe6\x9d\xb1\xe4\xba\xac Tokyo", "tokyo"},
      {"A", "a-workspace"},
      {"API", "api-workspace"},
      {"www.", "www-workspace"},
      {"\xff\xfe"
       "abc\xc3",
       "abc"},
      {"2024", "2024"},
      {"AZ az 09", "az-az-09"},
  };
  for (const auto& [name, slug] : cases) {
    EXPECT_EQ(derive_slug(name), slug) << name;
    EXPECT_TRUE(valid_slug(derive_slug(name))) << name;
  }
}

TEST(Slug, IsCutToItsLength) {
  EXPECT_EQ(derive_slug(std::string(1000, 'x')), std::string(48, 'x'));
  EXPECT_EQ(derive_slug(std::string(47, 'x') + " y"), std::string(47, 'x'));
  EXPECT_EQ(derive_slug(std::string(47, 'x') + "\xc3\x9f"), std::string(47, 'x') + "s");
}

TEST(Slug, IsNumberedWithinItsLength) {
  EXPECT_EQ(numbered_slug("acme", 2), "acme-2");
  EXPECT_EQ(numbered_slug(std::string(48, 'x'), 10), std::string(45, 'x') + "-10");
  EXPECT_EQ(numbered_slug(std::string(44, 'x') + "-yyy", 123), std::string(44, 'x') + "-123");
  for (const int n : {2, 99, 2'000'000'000}) {
    EXPECT_TRUE(valid_slug(numbered_slug(std::string(48, 'x'), n)));
    EXPECT_TRUE(valid_slug(numbered_slug("abc", n)));
  }
}

}  // namespace
}  // namespace factory::core
