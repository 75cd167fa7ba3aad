#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "crypto/bytes.hpp"

namespace factory::crypto {

inline constexpr std::size_t kMaxTokenSize = 4096;
inline constexpr std::size_t kMinHmacKeySize = 32;

/// What an access token says. Times are Unix seconds. Roles are never in it: they are read where they live.
struct JwtClaims {
  std::string iss;
  std::string sub;
  std::string aud;
  std::string jti;
  std::string sid;
  std::int64_t iat = 0;
  std::int64_t exp = 0;
  std::optional<std::int64_t> nbf;
  std::optional<std::string> tenant;
  int aal = 1;
  bool operator==(const JwtClaims&) const = default;
};

/// An HS256 key. A key of another algorithm is another type with its own functions, so that public key bytes can never
/// serve as an HMAC secret. `secret` must outlive the call that uses the key.
struct JwtKey {
  std::string kid;
  ByteView secret;
};

/// What the verifier asks of a token. Seconds throughout; `skew` is allowed on each side.
struct JwtPolicy {
  std::string issuer;
  std::string audience;
  std::int64_t now = 0;
  int skew = 30;
  std::int64_t max_lifetime = 900;
};

enum class JwtError { malformed, unsupported, unknown_key, bad_signature, bad_claims, expired, not_yet_valid };

using JwtResult = std::variant<JwtClaims, JwtError>;
using JwtKeyLookup = std::function<std::optional<JwtKey>(std::string_view kid)>;

/// Verifies an access token (RFC 7519, 8725, 9068 `at+jwt`) in this order: size, dots, base64url, header, key,
/// signature, payload, claims. `lookup` is asked at most once, with a kid of [A-Za-z0-9_-]{1,64}. CryptoError for a key
/// that is too short. `expired` and `not_yet_valid` are only said of tokens that are ours in all else.
JwtResult jwt_verify(std::string_view token, const JwtKeyLookup& lookup, const JwtPolicy& policy);

/// Signs an access token. CryptoError for a key under 32 bytes, a bad kid, or claims that jwt_verify() would refuse
/// for their form.
std::string jwt_sign(const JwtClaims& claims, const JwtKey& key);

/// The signature layer alone (RFC 7515 compact form, HS256): the payload when the signature holds. Claims, `typ` and
/// `kid` are not looked at.
std::optional<Bytes> jws_verify_hs256(std::string_view compact, ByteView secret);

/// The name of an error, for logs and tests.
const char* to_string(JwtError error);

}  // namespace factory::crypto
