#include "crypto/base64url.hpp"

#include <gtest/gtest.h>

#include "crypto/random.hpp"

namespace factory::crypto {
namespace {

std::string decoded(std::string_view text) {
  const auto bytes = base64url_decode(text);
  return bytes ? std::string(as_text(*bytes)) : "refused";
}

TEST(Base64Url, MatchesRfc4648) {
  const std::pair<const char*, const char*> cases[] = {
      {"", ""},           {"f", "Zg"},          {"fo", "Zm8"},         {"foo", "Zm9v"},
      {"foob", "Zm9vYg"}, {"fooba", "Zm9vYmE"}, {"foobar", "Zm9vYmFy"}};
  for (const auto& [plain, text] : cases) {
    EXPECT_EQ(base64url_encode(as_bytes(plain)), text);
    EXPECT_EQ(decoded(text), plain);
  }
}

TEST(Base64Url, UsesItsOwnAlphabetOnly) {
  const Bytes bytes{0xfb, 0xff, 0xbf};
  EXPECT_EQ(base64url_encode(bytes), "-_-_");
  EXPECT_EQ(base64_encode(bytes), "+/+/");
  EXPECT_EQ(base64url_decode("-_-_"), bytes);
  EXPECT_EQ(base64_decode("+/+/"), bytes);
  EXPECT_FALSE(base64url_decode("+/+/"));
  EXPECT_FALSE(base64_decode("-_-_"));
}

TEST(Base64Url, RefusesEveryOtherSpelling) {
  for (const char* text : {"Z", "A", "AAAAA", "Zg=", "Zg==", "Zg=a", "Zm8=", "Zm9v\n", "\nZm9v", "Zm 9v", "Zm9vY",
                           "Zm9.", "Zm9\x80", "Zm9\xff", "====", "Z===", "Zg%3D", "Zm9v Zm9v"}) {
    EXPECT_FALSE(base64url_decode(text)) << text;
  }
  EXPECT_FALSE(base64url_decode(std::string_view("Zm9\0", 4)));
}

TEST(Base64Url, RefusesUnusedBitsThatAreNotZero) {
  // One byte leaves four bits over, two bytes two: 15 and 3 further spellings of the same value.
  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  int accepted_one = 0, accepted_two = 0;
  for (const char digit : kDigits) {
    accepted_one += base64url_decode(std::string("A") + digit).has_value();
    accepted_two += base64url_decode(std::string("AA") + digit).has_value();
  }
  EXPECT_EQ(accepted_one, 4);
  EXPECT_EQ(accepted_two, 16);
}

TEST(Base64Url, EveryLengthRoundTrips) {
  for (std::size_t size = 0; size < 300; ++size) {
    const Bytes bytes = random_bytes(size);
    EXPECT_EQ(base64url_decode(base64url_encode(bytes)), bytes);
    EXPECT_EQ(base64_decode(base64_encode(bytes)), bytes);
  }
}

TEST(Base64Url, EveryAcceptedTextIsTheOneThatEncodingGives) {
  constexpr std::string_view kSample = "AQgwZ09-_+/=";
  int accepted = 0;
  for (char a : kSample) {
    for (char b : kSample) {
      for (char c : kSample) {
        for (const std::string& text : {std::string{a, b}, std::string{a, b, c}, std::string{'A', a, b, c}}) {
          const auto bytes = base64url_decode(text);
          if (!bytes) continue;
          ++accepted;
          EXPECT_EQ(base64url_encode(*bytes), text);
        }
      }
    }
  }
  EXPECT_GT(accepted, 100);
}

TEST(Base64, PadsWhereAsked) {
  EXPECT_EQ(padded_base64(as_bytes("")), "");
  EXPECT_EQ(padded_base64(as_bytes("f")), "Zg==");
  EXPECT_EQ(padded_base64(as_bytes("fo")), "Zm8=");
  EXPECT_EQ(padded_base64(as_bytes("foo")), "Zm9v");
}

}  // namespace
}  // namespace factory::crypto
