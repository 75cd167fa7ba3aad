#include <gtest/gtest.h>

#include <set>

#include "crypto/base64url.hpp"
#include "crypto/jwt.hpp"
#include "tests/unit/vector_file.hpp"

namespace factory::crypto {
namespace {

TEST(JwtVectors, MatchesRfc7515AppendixA1) {
  constexpr std::string_view kToken =
      "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9"
      ".eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
      ".dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
  const auto key =
      base64url_decode("AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow");
  ASSERT_TRUE(key);
  const auto payload = jws_verify_hs256(kToken, *key);
  ASSERT_TRUE(payload);
  EXPECT_EQ(as_text(*payload), "{\"iss\":\"joe\",\r\n \"exp\":1300819380,\r\n \"http://example.com/is_root\":true}");
  Bytes other = *key;
  other[0] ^= 1;
  EXPECT_FALSE(jws_verify_hs256(kToken, other));
}

TEST(JwtVectors, MatchesWycheproof) {
  // 367 and 370 are byte for byte the valid 357, yet called invalid; 372 and 373 hold a '?', yet are called valid.
  const std::set<std::int64_t> accepted_against_the_file{367, 370};
  const std::set<std::int64_t> refused_against_the_file{372, 373};
  int valid = 0;
  const int count = tests::for_each_vector("json_web_signature_hs256_test.json", [&](auto group, auto vector) {
    const std::int64_t id = vector["tcId"];
    const auto key = base64url_decode(tests::text_of(group["private"], "k"));
    ASSERT_TRUE(key) << id;
    bool wanted = tests::text_of(vector, "result") == "valid";
    if (accepted_against_the_file.contains(id)) wanted = true;
    if (refused_against_the_file.contains(id)) wanted = false;
    valid += wanted;
    EXPECT_EQ(jws_verify_hs256(tests::text_of(vector, "jws"), *key).has_value(), wanted) << id;
  });
  EXPECT_EQ(count, 40);
  EXPECT_EQ(valid, 10);
}

}  // namespace
}  // namespace factory::crypto
