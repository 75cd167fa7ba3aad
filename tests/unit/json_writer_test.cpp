#include "core/json_writer.hpp"

#include <gtest/gtest.h>
#include <simdjson.h>

#include <cstdint>
#include <limits>

namespace factory::core {
namespace {

template <typename Build>
std::string written(Build build) {
  std::string out;
  JsonWriter json(out);
  build(json);
  return out;
}

TEST(JsonWriter, SetsTheCommas) {
  EXPECT_EQ(written([](JsonWriter& json) {
              json.begin_object().member("a", 1).key("b").begin_array().value(1).value("x").begin_object().end_object();
              json.begin_array().end_array().end_array().key("c").begin_object().member("d", true).end_object();
              json.member("e", "f").end_object();
            }),
            R"({"a":1,"b":[1,"x",{},[]],"c":{"d":true},"e":"f"})");
}

TEST(JsonWriter, WritesEveryKindOfValue) {
  const std::string text = "text";
  EXPECT_EQ(written([&](JsonWriter& json) {
              json.begin_array().value("literal").value(text).value(std::string_view(text)).value(true).value(false);
              json.null().raw("[1.50]").value(std::optional<int>()).value(std::optional<std::string>(text));
              json.value(std::numeric_limits<std::int64_t>::min()).value(std::numeric_limits<std::uint64_t>::max());
              json.value(std::uint8_t{7}).value(-1).end_array();
            }),
            R"(["literal","text","text",true,false,null,[1.50],null,"text",)"
            R"(-9223372036854775808,18446744073709551615,7,-1])");
}

TEST(JsonWriter, ChoosesTheKindByTheTypeOfTheMember) {
  const std::string text = "t";
  const char* const pointer = "p";
  EXPECT_EQ(written([&](JsonWriter& json) {
              json.begin_object().member("a", pointer).member("b", text).member("c", text.c_str()).member("d", false);
              json.member("e", std::optional<bool>(true)).raw_member("f", "null").end_object();
            }),
            R"({"a":"p","b":"t","c":"t","d":false,"e":true,"f":null})");
}

TEST(JsonWriter, EscapesWhatJsonMustNotHold) {
  EXPECT_EQ(written([](JsonWriter& json) { json.value("\"\\/\b\f\n\r\t\x01\x1f\x7f\xc3\xa9"); }),
            "\"\\\"\\\\/\\u0008\\u000c\\n\\r\\t\\u0001\\u001f\x7f\xc3\xa9\"");
  EXPECT_EQ(written([](JsonWriter& json) { json.begin_object().member("a\"b\n", 1).end_object(); }),
            "{\"a\\\"b\\n\":1}");
  EXPECT_EQ(written([](JsonWriter& json) { json.value(std::string_view("a\0b", 3)); }), "\"a\\u0000b\"");
}

TEST(JsonWriter, EveryByteOfAsciiIsReadBackAsItWas) {
  std::string all;
  for (int c = 0; c < 128; ++c) all.append(1, static_cast<char>(c)).append("x");
  simdjson::dom::parser parser;
  const std::string json = written([&](JsonWriter& writer) { writer.begin_array().value(all).end_array(); });
  EXPECT_EQ(std::string_view(parser.parse(json).at(0)), all);
}

TEST(JsonWriter, AppendsToWhatIsThere) {
  std::string out = "data: ";
  JsonWriter(out).begin_array().value(1).end_array();
  EXPECT_EQ(out, "data: [1]");
}

}  // namespace
}  // namespace factory::core
