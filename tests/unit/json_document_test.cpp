#include "core/json_document.hpp"

#include <gtest/gtest.h>

#include "core/problem.hpp"

namespace factory::core {
namespace {

std::string code_of(std::string_view body) {
  try {
    parse_object(body);
    return "accepted";
  } catch (const Problem& problem) {
    return problem.kind().code;
  }
}

TEST(JsonDocument, GivesEveryFieldItsKindAndText) {
  const JsonObject object = parse_object(
      " {\"n\":null, \"t\":true,\"f\" : false,\"i\":-12,\"d\":1.50e+2,\"s\":\"a\\u00e9\\n\\\"\\/\",\t\"e\":\"\",\n"
      "\"a\": [ 1 , { \"x y\" : \" z \" } , [ ] ],\"o\":{ \"k\" : { } }, \"\\u006bey\":1} ");
  struct Expected {
    const char* name;
    JsonKind kind;
    const char* text;
  };
  const Expected expected[] = {
      {"n", JsonKind::null_, "null"},        {"t", JsonKind::boolean, "true"},
      {"f", JsonKind::boolean, "false"},     {"i", JsonKind::integer, "-12"},
      {"d", JsonKind::number, "1.50e+2"},    {"s", JsonKind::string, "a\xc3\xa9\n\"/"},
      {"e", JsonKind::string, ""},           {"a", JsonKind::array, "[1,{\"x y\":\" z \"},[]]"},
      {"o", JsonKind::object, "{\"k\":{}}"}, {"key", JsonKind::integer, "1"},
  };
  ASSERT_EQ(object.fields().size(), std::size(expected));
  for (std::size_t i = 0; i < std::size(expected); ++i) {
    EXPECT_EQ(object.fields()[i].name, expected[i].name);
    EXPECT_EQ(object.fields()[i].kind, expected[i].kind) << expected[i].name;
    EXPECT_EQ(object.fields()[i].text, expected[i].text) << expected[i].name;
  }
  EXPECT_EQ(object.find("key"), &object.fields()[9]);
  EXPECT_EQ(object.find("missing"), nullptr);
  EXPECT_EQ(object.find("x y"), nullptr);
}

TEST(JsonDocument, KeepsNumbersAsTheyWereSent) {
  for (const char* number : {"0", "-0", "9223372036854775807", "-9223372036854775808", "18446744073709551615",
                             "0.1000000000000000055511151231", "3.141592653589793238462643383279", "1E400e", "1e-400",
                             "123456789.123456789123456789", "-0.0", "1E2"}) {
    const std::string body = "{\"a\":" + std::string(number) + "}";
    if (std::string_view(number).ends_with('e')) {
      EXPECT_EQ(code_of(body), "malformed_json");
    } else {
      EXPECT_EQ(parse_object(body).fields()[0].text, number);
      EXPECT_EQ(parse_object("{\"a\":[" + std::string(number) + " ]}").fields()[0].text,
                "[" + std::string(number) + "]");
    }
  }
}

TEST(JsonDocument, SaysSoWhenANumberIsOutOfRange) {
  for (const char* number : {"1e400", "-1e400", "18446744073709551616", "-9223372036854775809", "1e999999999",
                             "123456789012345678901234567890"}) {
    try {
      parse_object("{\"a\":" + std::string(number) + "}");
      ADD_FAILURE() << number;
    } catch (const Problem& problem) {
      EXPECT_STREQ(problem.kind().code, "malformed_json");
      EXPECT_EQ(problem.detail(), "the body holds a number that is malformed or out of range");
    }
  }
}

TEST(JsonDocument, AcceptsTheEmptyObject) {
  EXPECT_TRUE(parse_object("{}").fields().empty());
  EXPECT_TRUE(parse_object(" { } ").fields().empty());
}

TEST(JsonDocument, RefusesWhatIsNoStrictObject) {
  const std::string_view bodies[] = {"",
                                     " ",
                                     "null",
                                     "true",
                                     "1",
                                     "\"a\"",
                                     "[]",
                                     "[{}]",
                                     "{",
                                     "}",
                                     "{\"a\"}",
                                     "{\"a\":}",
                                     "{\"a\":1,}",
                                     "{,\"a\":1}",
                                     "{\"a\":1 \"b\":2}",
                                     "{\"a\":1}}",
                                     "{\"a\":1}{}",
                                     "{\"a\":1},",
                                     "{\"a\":1}x",
                                     "{\"a\":1}\v",
                                     "{a:1}",
                                     "{'a':1}",
                                     "{\"a\":'b'}",
                                     "{\"a\":NaN}",
                                     "{\"a\":Infinity}",
                                     "{\"a\":01}",
                                     "{\"a\":+1}",
                                     "{\"a\":.5}",
                                     "{\"a\":5.}",
                                     "{\"a\":0x10}",
                                     "{\"a\":1e}",
                                     "{\"a\":tru}",
                                     "{\"a\":True}",
                                     "{\"a\":nul}",
                                     "{\"a\":\"b}",
                                     "{\"a\":\"\n\"}",
                                     "{\"a\":\"\\q\"}",
                                     "{\"a\":\"\\u12\"}",
                                     "{\"a\":\"\\ud800\"}",
                                     "{\"a\":\"\\udc00\\ud800\"}",
                                     "{\"a\":\"\xff\"}",
                                     "{\"a\":\"\xc3\"}",
                                     "{\"a\":\"\xed\xa0\x80\"}",
                                     "{\"a\":\"\xf4\x90\x80\x80\"}",
                                     "{\"\xff\":1}",
                                     "\xEF\xBB\xBF{}",
                                     "{\"a\":\"\\u0000\"}",
                                     "{\"\\u0000\":1}",
                                     "{\"a\":[\"\\u0000\"]}",
                                     "{\"a\":1,\"a\":1}",
                                     "{\"a\":1,\"\\u0061\":2}",
                                     "{\"a\":{\"b\":1,\"b\":1}}",
                                     "{\"a\":[{\"b\":1,\"\\u0062\":1}]}",
                                     "{\"a\":1,//\n\"b\":2}",
                                     "{\"a\":1/**/}",
                                     "<xml/>",
                                     "{\"a\":\xC2\xA0"
                                     "1}",
                                     "{\"a\":[1,2}",
                                     "{\"a\":[1 2]}"};
  for (const auto& body : bodies) EXPECT_EQ(code_of(body), "malformed_json") << body;
  EXPECT_EQ(code_of(std::string("{\"a\":1}\0", 8)), "malformed_json");
  EXPECT_EQ(code_of(std::string("{\"a\":\"x\0y\"}", 11)), "malformed_json");
}

TEST(JsonDocument, IsAtMost64LevelsDeep) {
  const auto nested = [](int levels) {
    const auto inner = static_cast<std::size_t>(levels - 1);
    return "{\"a\":" + std::string(inner, '[') + std::string(inner, ']') + "}";
  };
  EXPECT_EQ(code_of(nested(64)), "accepted");
  EXPECT_EQ(code_of(nested(65)), "malformed_json");
  EXPECT_EQ(code_of(nested(100'000)), "malformed_json");
}

TEST(JsonDocument, ReadsLargeBodiesAndThenSmallOnes) {
  std::string body = "{\"a\":\"" + std::string(5'000'000, 'x') + "\"}";
  EXPECT_EQ(parse_object(body).fields()[0].text.size(), 5'000'000U);
  EXPECT_EQ(parse_object("{\"a\":\"x\"}").fields()[0].text, "x");
  body = "{";
  for (int i = 0; i < 100'000; ++i) body.append("\"k").append(std::to_string(i)).append("\":").append("1,");
  EXPECT_EQ(parse_object(body + "\"z\":1}").fields().size(), 100'001U);
  EXPECT_EQ(code_of(body + "\"k0\":1}"), "malformed_json");
}

TEST(JsonDocument, NamesOfKindsAreThoseOfJson) {
  EXPECT_STREQ(to_string(JsonKind::null_), "null");
  EXPECT_STREQ(to_string(JsonKind::integer), "integer");
  EXPECT_STREQ(to_string(JsonKind::object), "object");
}

TEST(JsonDocument, ValidatesAnyValue) {
  for (const char* text : {"null", "[1,2]", "\"a\"", "{\"a\":[]}", " 1 "}) EXPECT_NO_THROW(validate_json(text)) << text;
  for (const char* text : {"", "[1,]", "{\"a\":1,\"a\":2}", "\"\\u0000\"", "1 2", "nul"}) {
    EXPECT_THROW(validate_json(text), Problem) << text;
  }
}

}  // namespace
}  // namespace factory::core
