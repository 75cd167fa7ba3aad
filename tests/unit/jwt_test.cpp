#include "crypto/jwt.hpp"

#include <gtest/gtest.h>

#include <limits>

#include "tests/unit/jwt_fixture.hpp"

namespace factory::crypto {
namespace {

using namespace tests;

TEST(Jwt, RoundTrips) {
  const JwtClaims claims = test_claims();
  const auto result = verify(jwt_sign(claims, test_key()));
  ASSERT_EQ(verdict(result), "accepted");
  EXPECT_EQ(std::get<JwtClaims>(result), claims);

  JwtClaims least = claims;
  least.tenant.reset();
  least.nbf = kNow;
  least.aal = 1;
  EXPECT_EQ(std::get<JwtClaims>(verify(jwt_sign(least, test_key()))), least);
}

TEST(Jwt, WritesExactlyThis) {
  // Made with another implementation: the form is a promise to whoever holds tokens across an upgrade.
  EXPECT_EQ(jwt_sign(test_claims(), test_key()),
            "eyJhbGciOiJIUzI1NiIsImtpZCI6ImtleS0xIiwidHlwIjoiYXQrand0In0.eyJpc3MiOiJodHRwczovL3BsYXRmb3JtLmV4YW1w"
            "bGUiLCJzdWIiOiIwMTlhMDAwMC0wMDAwLTcwMDAtODAwMC0wMDAwMDAwMDAwMDEiLCJhdWQiOiJwbGF0Zm9ybSIsImlhdCI6MTc5"
            "OTk5OTk5MCwiZXhwIjoxODAwMDAwODkwLCJqdGkiOiIwMTlhMDAwMC0wMDAwLTcwMDAtODAwMC0wMDAwMDAwMDAwMDIiLCJzaWQi"
            "OiIwMTlhMDAwMC0wMDAwLTcwMDAtODAwMC0wMDAwMDAwMDAwMDMiLCJ0ZW5hbnQiOiIwMTlhMDAwMC0wMDAwLTcwMDAtODAwMC0w"
            "MDAwMDAwMDAwMDQiLCJhYWwiOjJ9.8eLpcKOX72CQS6gxw4-oEp268TUybbG15Ud3sd7TwC8");
}

TEST(Jwt, TakesClaimsInAnyOrderWithUnknownOnes) {
  const auto result = verify(sign_raw(
      R"({ "typ":"at+jwt", "x":[1,{"y":2}], "kid":"key-1", "alg":"HS256" })",
      R"({ "exp":1800000890, "amr":["pwd"], "sid":"s", "jti":"j", "aud":"platform", "sub":"u", "iat":1800000000,
           "iss":"https://platform.example", "nested":{"iss":"other"} })"));
  ASSERT_EQ(verdict(result), "accepted");
  const auto& claims = std::get<JwtClaims>(result);
  EXPECT_EQ(claims.sub, "u");
  EXPECT_EQ(claims.iss, "https://platform.example");
  EXPECT_EQ(claims.aal, 1);
  EXPECT_FALSE(claims.tenant);
}

TEST(Jwt, AsksForTheKeyAtMostOnceAndOnlyForCleanTokens) {
  int asked = 0;
  const JwtKeyLookup lookup = [&](std::string_view kid) -> std::optional<JwtKey> {
    ++asked;
    EXPECT_EQ(kid, "key-1");
    return test_key();
  };
  const std::string token = jwt_sign(test_claims(), test_key());
  jwt_verify(token, lookup, test_policy());
  EXPECT_EQ(asked, 1);
  jwt_verify(sign_raw(R"({"alg":"none","kid":"key-1","typ":"at+jwt"})", "{}"), lookup, test_policy());
  jwt_verify(sign_raw(R"({"alg":"HS256","kid":"key 1","typ":"at+jwt"})", "{}"), lookup, test_policy());
  jwt_verify(sign_raw(R"({"alg":"HS256","kid":"key-1","typ":"at+jwt","jku":"x"})", "{}"), lookup, test_policy());
  jwt_verify(token + ".", lookup, test_policy());
  jwt_verify(token + "=", lookup, test_policy());
  jwt_verify(std::string(5'000, 'a'), lookup, test_policy());
  EXPECT_EQ(asked, 1);
}

TEST(Jwt, NeedsTheKeyThatWasAskedFor) {
  const std::string token = jwt_sign(test_claims(), test_key());
  const auto none = [](std::string_view) -> std::optional<JwtKey> { return std::nullopt; };
  const auto other = [](std::string_view) -> std::optional<JwtKey> { return JwtKey{"key-2", as_bytes(kSecretText)}; };
  const auto changed = [](std::string_view kid) -> std::optional<JwtKey> {
    return JwtKey{std::string(kid), as_bytes("another secret of 32 bytes or so")};
  };
  EXPECT_EQ(verdict(jwt_verify(token, none, test_policy())), "unknown_key");
  EXPECT_EQ(verdict(jwt_verify(token, other, test_policy())), "unknown_key");
  EXPECT_EQ(verdict(jwt_verify(token, changed, test_policy())), "bad_signature");
}

TEST(Jwt, TakesEveryCharacterOfKidsAndIds) {
  const std::string kid = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  ASSERT_EQ(kid.size(), 64U);
  const JwtKey key{kid, as_bytes(kSecretText)};
  JwtClaims claims = test_claims();
  claims.sub = "!#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[]^_`{|";
  claims.sub.resize(64);
  claims.jti = "}~";
  claims.aal = 3;
  const auto result = jwt_verify(
      jwt_sign(claims, key), [&](std::string_view) { return std::optional(key); }, test_policy());
  ASSERT_EQ(verdict(result), "accepted");
  EXPECT_EQ(std::get<JwtClaims>(result), claims);
}

TEST(Jwt, IsAtMostEightLevelsDeep) {
  const auto nested = [](std::size_t levels) {
    return R"({"iss":"https://platform.example","sub":"u","aud":"platform","jti":"j","sid":"s","iat":1800000000,)"
           R"("exp":1800000900,"x":)" +
           std::string(levels - 1, '[') + std::string(levels - 1, ']') + "}";
  };
  EXPECT_EQ(verdict(verify(sign_raw(kGoodHeader, nested(8)))), "accepted");
  EXPECT_EQ(verdict(verify(sign_raw(kGoodHeader, nested(9)))), "malformed");
}

TEST(Jws, TheSignatureLayerIsStrictAboutTheHeaderToo) {
  const ByteView secret = as_bytes(kSecretText);
  EXPECT_TRUE(jws_verify_hs256(sign_raw(R"({"alg":"HS256"})", "payload"), secret));
  for (const char* header : {"", "{}", "[]", "no JSON", R"({"alg":"none"})", R"({"alg":"HS512"})", R"({"alg":1})",
                             R"({"alg":"HS256","crit":["exp"]})", R"({"alg":"HS256","b64":false})",
                             R"({"alg":"HS256","alg":"HS256"})", R"({"alg":"HS256","kid":1})"}) {
    EXPECT_FALSE(jws_verify_hs256(sign_raw(header, "payload"), secret)) << header;
  }
  EXPECT_FALSE(jws_verify_hs256(sign_raw(R"({"alg":"HS256"})", std::string(4'000, 'x')), secret));
}

TEST(Jwt, ChecksTheSignatureBeforeThePayload) {
  const std::string forged = sign_raw(kGoodHeader, "no JSON at all", "another secret of 32 bytes or so");
  EXPECT_EQ(verdict(verify(forged)), "bad_signature");
  EXPECT_EQ(verdict(verify(sign_raw(kGoodHeader, "no JSON at all"))), "malformed");
}

TEST(Jwt, RefusesShortSecrets) {
  const JwtKey key{"key-1", as_bytes("31 bytes are not enough for it.")};
  EXPECT_THROW(jwt_sign(test_claims(), key), CryptoError);
  const std::string token = jwt_sign(test_claims(), test_key());
  EXPECT_THROW(jwt_verify(
                   token, [&](std::string_view) { return std::optional(key); }, test_policy()),
               CryptoError);
  EXPECT_THROW(jws_verify_hs256(token, key.secret), CryptoError);
}

TEST(Jwt, KnowsWhatTimeItIs) {
  struct Case {
    std::int64_t iat, exp;
    std::optional<std::int64_t> nbf;
    const char* verdict;
  };
  const Case cases[] = {
      {kNow, kNow + 900, {}, "accepted"},
      {kNow, kNow + 901, {}, "bad_claims"},
      {kNow - 900, kNow, {}, "accepted"},
      {kNow - 929, kNow - 29, {}, "accepted"},
      {kNow - 930, kNow - 30, {}, "expired"},
      {kNow - 931, kNow - 31, {}, "expired"},
      {0, 900, {}, "expired"},
      {kNow + 30, kNow + 60, {}, "accepted"},
      {kNow + 31, kNow + 60, {}, "not_yet_valid"},
      {kNow, kNow + 60, kNow + 30, "accepted"},
      {kNow, kNow + 60, kNow + 31, "not_yet_valid"},
      {kNow, kNow + 60, 0, "accepted"},
      {kNow, kNow, {}, "bad_claims"},
      {kNow, kNow - 1, {}, "bad_claims"},
      {kNow, (std::int64_t{1} << 53) + 1, {}, "bad_claims"},
      {kNow, kNow + 60, (std::int64_t{1} << 53) + 1, "bad_claims"},
      {std::int64_t{1} << 53, (std::int64_t{1} << 53) + 1, {}, "bad_claims"},
      {(std::int64_t{1} << 53) - 1, std::int64_t{1} << 53, {}, "not_yet_valid"},
      {-1, 600, {}, "bad_claims"},
      {kNow, kNow + 60, -1, "bad_claims"},
      {std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max(), {}, "bad_claims"},
  };
  for (const auto& [iat, exp, nbf, wanted] : cases) {
    const std::string payload = R"({"iss":"https://platform.example","sub":"u","aud":"platform","jti":"j","sid":"s")"
                                ",\"iat\":" +
                                std::to_string(iat) + ",\"exp\":" + std::to_string(exp) +
                                (nbf ? ",\"nbf\":" + std::to_string(*nbf) : "") + "}";
    EXPECT_EQ(verdict(verify(sign_raw(kGoodHeader, payload))), wanted) << payload;
  }
}

TEST(Jwt, HasALargestSize) {
  JwtClaims claims = test_claims();
  JwtPolicy policy = test_policy();
  const std::size_t smaller = jwt_sign(claims, test_key()).size();
  // Each three bytes of payload take four characters, so grow to the limit by the issuer's length.
  claims.iss.append((kMaxTokenSize - smaller) * 3 / 4, 'x');
  policy.issuer = claims.iss;
  const std::string largest = jwt_sign(claims, test_key());
  EXPECT_LE(largest.size(), kMaxTokenSize);
  EXPECT_GT(largest.size(), kMaxTokenSize - 4);
  EXPECT_EQ(verdict(jwt_verify(largest, find_test_key, policy)), "accepted");

  claims.iss.append(8, 'x');
  policy.issuer = claims.iss;
  EXPECT_THROW(jwt_sign(claims, test_key()), CryptoError);
  const std::string payload = R"({"iss":"https://platform.example","sub":"u","aud":"platform","jti":"j","sid":"s",)"
                              R"("iat":1800000000,"exp":1800000900,"x":")";
  EXPECT_EQ(verdict(verify(sign_raw(kGoodHeader, payload + std::string(2'800, 'x') + "\"}"))), "accepted");
  EXPECT_EQ(verdict(verify(sign_raw(kGoodHeader, payload + std::string(3'000, 'x') + "\"}"))), "malformed");
  EXPECT_EQ(verdict(verify(std::string(3'000'000, '.'))), "malformed");
}

TEST(Jwt, RefusesToSignWhatItWouldRefuseToRead) {
  const auto refused = [](auto change) {
    JwtClaims claims = test_claims();
    change(claims);
    EXPECT_THROW(jwt_sign(claims, test_key()), CryptoError);
  };
  refused([](JwtClaims& claims) { claims.sub.clear(); });
  refused([](JwtClaims& claims) { claims.jti = std::string(65, 'x'); });
  refused([](JwtClaims& claims) { claims.sid = "a\"b"; });
  refused([](JwtClaims& claims) { claims.iss = "a\\b"; });
  refused([](JwtClaims& claims) { claims.aud = "a b"; });
  refused([](JwtClaims& claims) { claims.tenant = ""; });
  refused([](JwtClaims& claims) { claims.sub = "\xc3\xa9"; });
  refused([](JwtClaims& claims) { claims.aal = 0; });
  refused([](JwtClaims& claims) { claims.aal = 4; });
  refused([](JwtClaims& claims) { claims.exp = claims.iat; });
  refused([](JwtClaims& claims) { claims.iat = -1; });
  refused([](JwtClaims& claims) { claims.nbf = (std::int64_t{1} << 53) + 1; });
  for (const char* kid : {"", "a b", "a.b", "a\"b", "\xc3\xa9"}) {
    EXPECT_THROW(jwt_sign(test_claims(), {kid, as_bytes(kSecretText)}), CryptoError) << kid;
  }
  EXPECT_THROW(jwt_sign(test_claims(), {std::string(65, 'k'), as_bytes(kSecretText)}), CryptoError);
  EXPECT_NO_THROW(jwt_sign(test_claims(), {std::string(64, 'k'), as_bytes(kSecretText)}));
}

}  // namespace
}  // namespace factory::crypto
