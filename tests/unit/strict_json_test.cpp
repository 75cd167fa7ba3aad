#include "crypto/strict_json.hpp"

#include <gtest/gtest.h>

#include <string>

namespace factory::crypto {
namespace {

std::optional<JsonFault> fault_of(std::string_view text) {
  simdjson::dom::parser parser;
  return parse_strict_json(parser, text, 4).fault;
}

TEST(StrictJson, AcceptsEveryKindOfValue) {
  for (const char* text : {"{}", "[]", "null", "true", "false", "0", "-1.5e3", "\"text\"",
                           " { \"a\" : [ 1 , { \"a\" : null } ] } ", "9223372036854775807", "-9223372036854775808",
                           "18446744073709551615", "1e308", "\"\\u00e9\\ud83d\\ude00\"", "{\"a\":{\"a\":1},\"A\":2}"}) {
    EXPECT_FALSE(fault_of(text)) << text;
  }
}

TEST(StrictJson, NamesEachFault) {
  const std::pair<std::string_view, JsonFault> cases[] = {
      {"", JsonFault::empty},
      {" \n\t", JsonFault::empty},
      {"{", JsonFault::syntax},
      {"{\"a\":1}}", JsonFault::syntax},
      {"{\"a\":1}{}", JsonFault::syntax},
      {"[1,]", JsonFault::syntax},
      {"{\"a\":1,}", JsonFault::syntax},
      {"{a:1}", JsonFault::syntax},
      {"{'a':1}", JsonFault::syntax},
      {"\xEF\xBB\xBF{}", JsonFault::syntax},
      {"\"a\tb\"", JsonFault::syntax},
      {"\"\\x\"", JsonFault::syntax},
      {"\"\\ud800\"", JsonFault::syntax},
      {"NaN", JsonFault::syntax},
      {"[1e999]", JsonFault::number_range},
      {"[18446744073709551616]", JsonFault::number_range},
      {"[-9223372036854775809]", JsonFault::number_range},
      {"[01]", JsonFault::number_range},
      {"\"\xff\"", JsonFault::bad_utf8},
      {"\"\xed\xa0\x80\"", JsonFault::bad_utf8},
      {"\"\xc0\x80\"", JsonFault::bad_utf8},
      {"\"\\udc00\"", JsonFault::syntax},
      {"{\"\\udc00\":1}", JsonFault::syntax},
      {"\"\\ud83d\\u0041\"", JsonFault::syntax},
      {"\"\\ud83dx\"", JsonFault::syntax},
      {"\"\\u0000\"", JsonFault::nul_character},
      {"{\"\\u0000\":1}", JsonFault::nul_character},
      {"[[{\"a\":\"x\\u0000\"}]]", JsonFault::nul_character},
      {"{\"a\":1,\"a\":1}", JsonFault::duplicate_key},
      {"{\"a\":1,\"b\":2,\"\\u0061\":3}", JsonFault::duplicate_key},
      {"[{\"a\":{\"b\":1,\"b\":2}}]", JsonFault::duplicate_key},
      {"{\"\":1,\"\":2}", JsonFault::duplicate_key},
      {"[[[[[]]]]]", JsonFault::too_deep},
      {"{\"a\":[{\"a\":[{}]}]}", JsonFault::too_deep},
  };
  for (const auto& [text, fault] : cases) {
    const auto found = fault_of(text);
    ASSERT_TRUE(found) << text;
    EXPECT_STREQ(describe(*found), describe(fault)) << text;
  }
}

TEST(StrictJson, CountsLevelsExactly) {
  EXPECT_FALSE(fault_of("[[[[]]]]"));
  EXPECT_FALSE(fault_of("[[[[1]]]]"));
  EXPECT_TRUE(fault_of("[[[[[]]]]]"));
  EXPECT_TRUE(fault_of(std::string(100'000, '[')));
  EXPECT_TRUE(fault_of(std::string(2'000, '[') + std::string(2'000, ']')));
}

}  // namespace
}  // namespace factory::crypto
