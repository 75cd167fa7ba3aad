#pragma once

#include <string>
#include <string_view>

#include "crypto/base64url.hpp"
#include "crypto/digest.hpp"
#include "crypto/jwt.hpp"

namespace factory::tests {

inline constexpr std::int64_t kNow = 1'800'000'000;
inline constexpr std::string_view kSecretText = "0123456789abcdef0123456789abcdef";
inline constexpr std::string_view kGoodHeader = R"({"alg":"HS256","kid":"key-1","typ":"at+jwt"})";

inline crypto::JwtKey test_key() { return {"key-1", crypto::as_bytes(kSecretText)}; }

inline crypto::JwtClaims test_claims() {
  return {.iss = "https://platform.example",
          .sub = "019a0000-0000-7000-8000-000000000001",
          .aud = "platform",
          .jti = "019a0000-0000-7000-8000-000000000002",
          .sid = "019a0000-0000-7000-8000-000000000003",
          .iat = kNow - 10,
          .exp = kNow + 890,
          .nbf = {},
          .tenant = "019a0000-0000-7000-8000-000000000004",
          .aal = 2};
}

inline crypto::JwtPolicy test_policy() {
  return {.issuer = "https://platform.example", .audience = "platform", .now = kNow, .skew = 30, .max_lifetime = 900};
}

inline std::optional<crypto::JwtKey> find_test_key(std::string_view kid) {
  if (kid == "key-1") return test_key();
  return std::nullopt;
}

inline crypto::JwtResult verify(std::string_view token) {
  return crypto::jwt_verify(token, find_test_key, test_policy());
}

/// A correctly signed token of any header and payload.
inline std::string sign_raw(std::string_view header, std::string_view payload, std::string_view secret = kSecretText) {
  using namespace crypto;
  std::string token = base64url_encode(as_bytes(header)) + '.' + base64url_encode(as_bytes(payload));
  return token + '.' + base64url_encode(hmac_sha256(as_bytes(secret), as_bytes(token)));
}

/// What the verifier said: "accepted" or the name of the error.
inline std::string verdict(const crypto::JwtResult& result) {
  const auto* error = std::get_if<crypto::JwtError>(&result);
  return error ? crypto::to_string(*error) : "accepted";
}

}  // namespace factory::tests
