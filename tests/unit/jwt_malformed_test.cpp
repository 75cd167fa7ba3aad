#include <gtest/gtest.h>

#include <vector>

#include "tests/unit/jwt_fixture.hpp"

namespace factory::crypto {
namespace {

using namespace tests;

constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

class JwtMalformed : public testing::Test {
 protected:
  // Counts one token that must be refused.
  void refuse(std::string_view token) {
    ++tried_;
    EXPECT_NE(verdict(verify(token)), "accepted") << token;
  }

  const std::string token_ = jwt_sign(test_claims(), test_key());
  int tried_ = 0;
};

TEST_F(JwtMalformed, OfFiveThousandNeighboursOnlyTheTokenItselfIsAccepted) {
  for (std::size_t bit = 0; bit < token_.size() * 8; ++bit) {
    std::string changed = token_;
    changed[bit / 8] = static_cast<char>(changed[bit / 8] ^ (1 << bit % 8));
    refuse(changed);
  }
  for (std::size_t i = 0; i < token_.size(); ++i) {
    refuse(std::string(token_).erase(i, 1));
    refuse(token_.substr(0, i));
    refuse(token_.substr(i + 1));
    for (const char c : {'A', '.', '=', ' ', '\0'}) refuse(std::string(token_).insert(i, 1, c));
  }
  for (const char* tail : {"A", ".", "=", "==", " ", "\n", "\r\n", "%00", ".e30"}) refuse(token_ + tail);
  for (const char* head : {" ", "\n", "Bearer ", ".", "\xEF\xBB\xBF"}) refuse(head + token_);
  EXPECT_GE(tried_, 5'000);
  EXPECT_EQ(verdict(verify(token_)), "accepted");
}

// The signature of 32 bytes leaves two bits of its last character over, so it has three twins; the header of 44 bytes
// leaves two as well, and a payload of 3n+1 bytes leaves four, so that has fifteen.
TEST_F(JwtMalformed, TwinsInUnusedBitsAreRefused) {
  JwtClaims claims = test_claims();
  std::string token = token_;
  const auto payload_end = [&token] { return token.rfind('.') - 1; };
  for (int length = 0; length < 3 && (payload_end() - token.find('.')) % 4 != 2; ++length) {
    claims.sub.push_back('x');
    token = jwt_sign(claims, test_key());
  }
  ASSERT_EQ(verdict(verify(token)), "accepted");
  int twins = 0;
  const auto try_twins = [&](std::size_t place, std::size_t unused_bits) {
    const std::size_t value = kDigits.find(token[place]);
    ASSERT_EQ(value & ((1U << unused_bits) - 1), 0U);
    for (std::size_t bits = 1; bits < 1U << unused_bits; ++bits) {
      std::string twin = token;
      twin[place] = kDigits[value | bits];
      refuse(twin);
      ++twins;
    }
  };
  try_twins(token.size() - 1, 2);
  try_twins(payload_end(), 4);
  try_twins(token.find('.') - 1, 2);
  EXPECT_EQ(twins, 3 + 15 + 3);
}

struct Claim {
  const char* name;
  const char* good;
  bool required;
};

constexpr Claim kClaims[] = {
    {"iss", R"("https://platform.example")", true},
    {"sub", R"("u")", true},
    {"aud", R"("platform")", true},
    {"jti", R"("j")", true},
    {"sid", R"("s")", true},
    {"iat", "1800000000", true},
    {"exp", "1800000900", true},
    {"nbf", "1800000000", false},
    {"tenant", R"("t")", false},
    {"aal", "2", false},
};

// A payload with one claim replaced; an empty value leaves it out.
std::string payload_with(std::string_view name, std::string_view value) {
  std::string payload = "{";
  for (const auto& claim : kClaims) {
    const std::string_view chosen = name == claim.name ? value : claim.good;
    if (chosen.empty()) continue;
    payload.append(payload.size() > 1 ? ",\"" : "\"").append(claim.name).append("\":").append(chosen);
  }
  return payload + "}";
}

TEST_F(JwtMalformed, EveryClaimAcceptsItsOwnTypeOnly) {
  ASSERT_EQ(verdict(verify(sign_raw(kGoodHeader, payload_with("", "")))), "accepted");
  const std::string long_text = '"' + std::string(65, 'x') + '"';
  const std::vector<std::string> bad_for_all = {"null",
                                                "true",
                                                "false",
                                                "[]",
                                                "{}",
                                                "-1",
                                                "1.5",
                                                "1.0",
                                                "1e3",
                                                "-0.0",
                                                "\"\"",
                                                "\"a b\"",
                                                "\"a\\u0000b\"",
                                                "\"a\\u00e9\"",
                                                "\"a\\\"b\"",
                                                "9007199254740993",
                                                "9223372036854775807",
                                                "9223372036854775808",
                                                "18446744073709551615",
                                                "18446744073709551616",
                                                "1e999",
                                                "[\"platform\"]",
                                                "[\"https://platform.example\"]",
                                                "{\"a\":1}",
                                                "0",
                                                "\"1800000900\"x",
                                                long_text,
                                                "\"\xff\"",
                                                "\"\\ud800\"",
                                                "\"unterminated",
                                                "NaN",
                                                "Infinity",
                                                "0x1",
                                                "01",
                                                "+1",
                                                "'u'",
                                                "undefined",
                                                "1800000000.0",
                                                "1.8e9",
                                                "\"a\\/\\n\""};
  for (const auto& claim : kClaims) {
    const bool is_text = claim.good[0] == '"';
    for (const auto& value : bad_for_all) {
      // Zero is a time before now, which nbf and iat may be as far as the type goes.
      if (value == "0" && std::string_view(claim.name) == "nbf") continue;
      refuse(sign_raw(kGoodHeader, payload_with(claim.name, value)));
    }
    for (const char* value : {"\"1800000000\"", "\"2\"", "\"true\""}) {
      if (!is_text) refuse(sign_raw(kGoodHeader, payload_with(claim.name, value)));
    }
    for (const char* value : {"1", "2", "1800000000"}) {
      if (is_text) refuse(sign_raw(kGoodHeader, payload_with(claim.name, value)));
    }
    const std::string absent = verdict(verify(sign_raw(kGoodHeader, payload_with(claim.name, ""))));
    EXPECT_EQ(absent, claim.required ? "bad_claims" : "accepted") << claim.name;
  }
  for (const char* value : {"3", "1"}) {
    EXPECT_EQ(verdict(verify(sign_raw(kGoodHeader, payload_with("aal", value)))), "accepted");
  }
  refuse(sign_raw(kGoodHeader, payload_with("aal", "4")));
  EXPECT_GE(tried_, 400);
}

TEST_F(JwtMalformed, IssuerAndAudienceAreExact) {
  for (const char* value :
       {R"("https://platform.example/")", R"("https://platform.exampl")", R"("HTTPS://platform.example")",
        R"("https://platform.example.evil.example")", R"("https:\/\/platform.example ")"}) {
    EXPECT_EQ(verdict(verify(sign_raw(kGoodHeader, payload_with("iss", value)))), "bad_claims") << value;
  }
  for (const char* value : {R"("Platform")", R"("platform2")", R"("platfor")", R"(["platform","other"])"}) {
    EXPECT_EQ(verdict(verify(sign_raw(kGoodHeader, payload_with("aud", value)))), "bad_claims") << value;
  }
  // Escapes spell the same text.
  EXPECT_EQ(verdict(verify(sign_raw(kGoodHeader, payload_with("aud", R"("pl\u0061tform")")))), "accepted");
}

TEST_F(JwtMalformed, DuplicateMembersAreRefusedAtAnyDepth) {
  const std::string payload = payload_with("", "");
  const std::string open = payload.substr(0, payload.size() - 1);
  for (const char* extra : {",\"sub\":\"u\"}", ",\"s\\u0075b\":\"v\"}", ",\"x\":1,\"x\":1}",
                            ",\"x\":{\"y\":1,\"y\":2}}", ",\"x\":[{\"y\":1,\"\\u0079\":2}]}"}) {
    EXPECT_EQ(verdict(verify(sign_raw(kGoodHeader, open + extra))), "malformed") << extra;
  }
  EXPECT_EQ(verdict(verify(sign_raw(kGoodHeader, open + ",\"x\":{\"sub\":1},\"y\":{\"sub\":1}}"))), "accepted");
}

TEST_F(JwtMalformed, PayloadsThatAreNoPlainObjectAreRefused) {
  const std::string payload = payload_with("", "");
  const std::string deep =
      payload.substr(0, payload.size() - 1) + ",\"x\":" + std::string(9, '[') + std::string(9, ']') + "}";
  for (const std::string& text : {std::string(), std::string("null"), "[" + payload + "]", "\"" + payload + "\"",
                                  payload + payload, payload + ",", "\xEF\xBB\xBF" + payload, payload + '\0', deep,
                                  payload.substr(0, payload.size() - 1), std::string("{}")}) {
    refuse(sign_raw(kGoodHeader, text));
  }
  EXPECT_EQ(verdict(verify(sign_raw(kGoodHeader, " \n" + payload + "\t"))), "accepted");
}

struct HeaderCase {
  std::string header;
  const char* verdict;
};

TEST_F(JwtMalformed, HeaderVariants) {
  const std::string payload = payload_with("", "");
  std::vector<HeaderCase> cases = {
      {std::string(kGoodHeader), "accepted"},
      {R"({"typ":"at+jwt","kid":"key-1","alg":"HS256","cty":"x","extra":{"a":[1]}})", "accepted"},
      {R"({"\u0061lg":"HS256","kid":"key-1","typ":"at+jwt","":1})", "accepted"},
      {"", "malformed"},
      {"{}", "malformed"},
      {"null", "malformed"},
      {"[]", "malformed"},
      {"\"HS256\"", "malformed"},
      {R"({"kid":"key-1","typ":"at+jwt"})", "malformed"},
      {R"({"alg":"HS256","typ":"at+jwt"})", "malformed"},
      {R"({"alg":"HS256","kid":"key-1"})", "unsupported"},
      {R"({"alg":"HS256","kid":"key-2","typ":"at+jwt"})", "unknown_key"},
      {R"({"alg":"HS256","kid":"KEY-1","typ":"at+jwt"})", "unknown_key"},
      {R"({"alg":"HS256","alg":"HS256","kid":"key-1","typ":"at+jwt"})", "malformed"},
      {R"({"alg":"none","\u0061lg":"HS256","kid":"key-1","typ":"at+jwt"})", "malformed"},
      {R"({"alg":"HS256","kid":"key-1","kid":"key-1","typ":"at+jwt"})", "malformed"},
      {R"({"alg":"HS256","kid":"key-1","typ":"at+jwt"} )", "accepted"},
      {R"({"alg":"HS256","kid":"key-1","typ":"at+jwt"}{})", "malformed"},
      {R"({"alg":"HS256","kid":"key-1","typ":"at+jwt",})", "malformed"},
      {R"({"alg":"HS256","kid":"key-1","typ":"at+jwt")", "malformed"},
      {std::string(kGoodHeader) + '\0', "malformed"},
      {"\xEF\xBB\xBF" + std::string(kGoodHeader), "malformed"},
  };
  for (const char* alg : {"none",         "None",         "NONE",  "nOnE",      "",       "hs256",  "HS256 ", " HS256",
                          "HS25",         "HS2566",       "HS384", "HS512",     "RS256",  "RS384",  "RS512",  "PS256",
                          "ES256",        "ES384",        "EdDSA", "Ed25519",   "ES256K", "A128KW", "dir",    "HMAC",
                          "HS256\\u0000", "\\u0048S256x", "*",     "HS256,none"}) {
    cases.push_back({R"({"alg":")" + std::string(alg) + R"(","kid":"key-1","typ":"at+jwt"})",
                     std::string_view(alg).ends_with("u0000") ? "malformed" : "unsupported"});
  }
  for (const char* typ : {"JWT", "jwt", "AT+JWT", "at+JWT", "application/at+jwt", "", "at+jwt ", "id+jwt", "dpop+jwt",
                          "refresh", "at jwt", "secevent+jwt"}) {
    cases.push_back({R"({"alg":"HS256","kid":"key-1","typ":")" + std::string(typ) + R"("})", "unsupported"});
  }
  for (const char* value : {"null", "1", "true", "[\"HS256\"]", "{}", "[]", "256", "1.5", "-1", "[\"key-1\"]"}) {
    cases.push_back({R"({"alg":)" + std::string(value) + R"(,"kid":"key-1","typ":"at+jwt"})", "malformed"});
    cases.push_back({R"({"alg":"HS256","kid":)" + std::string(value) + R"(,"typ":"at+jwt"})", "malformed"});
    cases.push_back({R"({"alg":"HS256","kid":"key-1","typ":)" + std::string(value) + "}", "malformed"});
  }
  for (const char* kid : {"", " key-1", "key-1 ", "key 1", "../key-1", "key/1", "key.1", "key-1\\n", "key-1;--",
                          "' or 1", "\\u00e9", "key-1%00", "*", "key\\\\1", "k\\\"1", "key-1,key-2"}) {
    cases.push_back({R"({"alg":"HS256","kid":")" + std::string(kid) + R"(","typ":"at+jwt"})", "malformed"});
  }
  cases.push_back({R"({"alg":"HS256","kid":")" + std::string(64, 'k') + R"(","typ":"at+jwt"})", "unknown_key"});
  cases.push_back({R"({"alg":"HS256","kid":")" + std::string(65, 'k') + R"(","typ":"at+jwt"})", "malformed"});
  for (const char* name : {"crit", "b64", "jku", "jwk", "x5u", "x5c", "x5t", "x5t#S256", "zip", "cr\\u0069t"}) {
    for (const char* value :
         {"null", "true", "false", "[]", "[\"exp\"]", "{}", "\"\"", "\"DEF\"", "1", "\"https://evil.example/keys\""}) {
      cases.push_back({R"({"alg":"HS256","kid":"key-1","typ":"at+jwt",")" + std::string(name) + "\":" + value + "}",
                       "unsupported"});
    }
  }
  EXPECT_GE(cases.size(), 200U);
  for (const auto& [header, wanted] : cases) {
    EXPECT_EQ(verdict(verify(sign_raw(header, payload))), wanted) << header;
  }
}

TEST_F(JwtMalformed, UnsignedAndEmptyPartsAreRefused) {
  const auto first = token_.find('.'), second = token_.rfind('.');
  const std::string header = token_.substr(0, first), payload = token_.substr(first + 1, second - first - 1),
                    signature = token_.substr(second + 1);
  for (const std::string& text :
       {std::string(), std::string("."), std::string(".."), std::string("..."), header + "." + payload + ".",
        header + ".." + signature, "." + payload + "." + signature, header + "." + payload, payload + "." + signature,
        header + "." + payload + "." + signature + "." + signature, payload + "." + header + "." + signature,
        header + "." + payload + "." + payload, header + "." + header + "." + signature,
        header + "." + payload + "." + signature.substr(0, 22), header + "." + payload + "." + signature + signature,
        base64url_encode(as_bytes(R"({"alg":"none","kid":"key-1","typ":"at+jwt"})")) + "." + payload + "."}) {
    refuse(text);
  }
}

}  // namespace
}  // namespace factory::crypto
