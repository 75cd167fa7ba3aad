#include "core/request_target.hpp"

#include <gtest/gtest.h>

#include "core/problem.hpp"

namespace factory::core {
namespace {

using Segments = std::vector<std::string>;
using Query = std::vector<std::pair<std::string, std::string>>;

std::string code_of(std::string_view target) {
  try {
    parse_request_target(target);
    return "accepted";
  } catch (const Problem& problem) {
    return problem.kind().code;
  }
}

TEST(RequestTarget, IsTakenApart) {
  struct Case {
    const char* target;
    Segments segments;
    Query query;
  };
  const Case cases[] = {
      {"/", {}, {}},
      {"/v1", {"v1"}, {}},
      {"/v1/a%20b?x=1&y=2", {"v1", "a b"}, {{"x", "1"}, {"y", "2"}}},
      {"/v1/", {"v1", ""}, {}},
      {"/v1?", {"v1"}, {}},
      {"/v1?a", {"v1"}, {{"a", ""}}},
      {"/v1?a=", {"v1"}, {{"a", ""}}},
      {"/v1?a=b=c", {"v1"}, {{"a", "b=c"}}},
      {"/v1?a=b/c?d", {"v1"}, {{"a", "b/c?d"}}},
      {"/v1?a=x+y%2Bz&b%20c=%26", {"v1"}, {{"a", "x y+z"}, {"b c", "&"}}},
      {"/a+b", {"a+b"}, {}},
      {"/-._~!$&'()*+,;=:@", {"-._~!$&'()*+,;=:@"}, {}},
      {"/%C3%A9%e2%82%ac", {"\xc3\xa9\xe2\x82\xac"}, {}},
      {"/azAZ09/b/c", {"azAZ09", "b", "c"}, {}},
      {"/%6A%6a%4F%4f%39?%41", {"jjOO9"}, {{"A", ""}}},
      {"/...", {"..."}, {}},
      {"/.a/..b", {".a", "..b"}, {}},
      {"/%25", {"%"}, {}},
      {"/%2541", {"%41"}, {}},
      {"/?q", {}, {{"q", ""}}},
  };
  for (const auto& [target, segments, query] : cases) {
    const RequestTarget parsed = parse_request_target(target);
    EXPECT_EQ(parsed.segments, segments) << target;
    EXPECT_EQ(parsed.query, query) << target;
  }
}

TEST(RequestTarget, FindsParametersByName) {
  const RequestTarget parsed = parse_request_target("/v1?limit=25&cursor=");
  ASSERT_NE(parsed.find("limit"), nullptr);
  EXPECT_EQ(*parsed.find("limit"), "25");
  EXPECT_EQ(*parsed.find("cursor"), "");
  EXPECT_EQ(parsed.find("Limit"), nullptr);
}

TEST(RequestTarget, RefusesWhatIsNotStrict) {
  for (const std::string_view target : std::initializer_list<std::string_view>{"",
                                                                               "v1",
                                                                               "*",
                                                                               "?",
                                                                               "http://example.com/v1",
                                                                               " /v1",
                                                                               "/v1 ",
                                                                               "/v 1",
                                                                               "//",
                                                                               "//v1",
                                                                               "/v1//a",
                                                                               "/v1//",
                                                                               "/.",
                                                                               "/..",
                                                                               "/v1/..",
                                                                               "/v1/./a",
                                                                               "/v1/../a",
                                                                               "/v1/%2e",
                                                                               "/v1/%2E%2e/a",
                                                                               "/v1/.%2e",
                                                                               "/a%2fb",
                                                                               "/a%2Fb",
                                                                               "/a%5cb",
                                                                               "/a\\b",
                                                                               "/%",
                                                                               "/%2",
                                                                               "/%zz",
                                                                               "/%g1",
                                                                               "/%2g",
                                                                               "/%%20",
                                                                               "/a%",
                                                                               "/v1?a=%",
                                                                               "/v1?a=%f",
                                                                               "/v1?a=%u0041",
                                                                               "/%00",
                                                                               "/a%00b",
                                                                               "/%0a",
                                                                               "/%0d%0a",
                                                                               "/%1f",
                                                                               "/%7f",
                                                                               "/v1?a=%00",
                                                                               "/v1?a=%0a",
                                                                               "/v1?a%00=1",
                                                                               "/%ff",
                                                                               "/%c3",
                                                                               "/%c0%80",
                                                                               "/%ed%a0%80",
                                                                               "/%f5%80%80%80",
                                                                               "/v1?a=%ff",
                                                                               "/v1?a=%c3%28",
                                                                               "/\xc3\xa9",
                                                                               "/v1?a=\xc3\xa9",
                                                                               "/a\tb",
                                                                               "/a\nb",
                                                                               std::string_view("/a\0b", 4),
                                                                               "/a\x7f",
                                                                               "/v1#x",
                                                                               "/v1?a=b#c",
                                                                               "/a\"b",
                                                                               "/a<b>",
                                                                               "/a|b",
                                                                               "/a^b",
                                                                               "/a`b",
                                                                               "/a{b}",
                                                                               "/v1?a=[1]",
                                                                               "/v1?a={}",
                                                                               "/v1?=1",
                                                                               "/v1?&",
                                                                               "/v1?a=1&",
                                                                               "/v1?&a=1",
                                                                               "/v1?a=1&&b=2",
                                                                               "/v1?a=1&a=1",
                                                                               "/v1?a=1&a=2",
                                                                               "/v1?a=1&%61=2",
                                                                               "/v1?a+b=1&a%20b=2",
                                                                               "/v1?a&a"}) {
    EXPECT_EQ(code_of(target), "bad_request") << target;
  }
}

TEST(RequestTarget, HasLargestSizes) {
  EXPECT_EQ(code_of("/" + std::string(8191, 'a')), "accepted");
  EXPECT_EQ(code_of("/" + std::string(8192, 'a')), "target_too_long");
  std::string query = "/v1?p0";
  for (int i = 1; i < 100; ++i) query.append("&p").append(std::to_string(i));
  EXPECT_EQ(parse_request_target(query).query.size(), 100U);
  EXPECT_EQ(code_of(query + "&p100"), "bad_request");
}

}  // namespace
}  // namespace factory::core
