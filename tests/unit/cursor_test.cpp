#include "core/cursor.hpp"

#include <gtest/gtest.h>

#include "crypto/base64url.hpp"

namespace factory::core {
namespace {

const Uuid kId = *parse_uuid("019a0000-0000-7000-8000-00000000abcd");

TEST(Cursor, RoundTripsWithinItsList) {
  const std::string text = encode_cursor("members", kId);
  EXPECT_EQ(text.size(), 28U);
  EXPECT_EQ(decode_cursor("members", text), kId);
  EXPECT_EQ(text, encode_cursor("members", kId));
  EXPECT_FALSE(decode_cursor("invitations", text));
  EXPECT_FALSE(decode_cursor("", text));
}

TEST(Cursor, NoticesEveryChange) {
  const std::string text = encode_cursor("members", kId);
  int refused = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    for (const char c : std::string_view("AZaz09-_")) {
      std::string changed = text;
      changed[i] = c;
      if (changed == text) continue;
      EXPECT_FALSE(decode_cursor("members", changed)) << changed;
      ++refused;
    }
    EXPECT_FALSE(decode_cursor("members", text.substr(0, i)));
  }
  EXPECT_GT(refused, 180);
  for (const std::string& other : {std::string(), text + "A", text + "=", text + text, " " + text,
                                   std::string("bm90IGEgY3Vyc29yIGF0IGFsbCE"), std::string(28, 'A')}) {
    EXPECT_FALSE(decode_cursor("members", other)) << other;
  }
}

TEST(Cursor, CarriesItsVersion) {
  auto bytes = *crypto::base64url_decode(encode_cursor("members", kId));
  EXPECT_EQ(bytes[0], 1);
  bytes[0] = 2;
  EXPECT_FALSE(decode_cursor("members", crypto::base64url_encode(bytes)));
}

}  // namespace
}  // namespace factory::core
