#include "crypto/jwt.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "crypto/base64url.hpp"
#include "crypto/digest.hpp"
#include "crypto/strict_json.hpp"

namespace factory::crypto {
namespace {

namespace dom = simdjson::dom;

constexpr int kMaxDepth = 8;
constexpr std::size_t kMaxKidSize = 64;
constexpr std::size_t kMaxIdSize = 64;
constexpr std::int64_t kMaxTime = std::int64_t{1} << 53;
constexpr int kMaxAssurance = 3;

// Members that would let a token choose its own key, change what is signed, or ask for what we do not do.
constexpr std::array<std::string_view, 9> kRefusedMembers = {"crit", "b64", "jku", "jwk",     "x5u",
                                                             "x5c",  "x5t", "zip", "x5t#S256"};

struct CompactParts {
  std::string_view header;
  std::string_view payload;
  std::string_view signature;
  std::string_view signed_part;
};

struct TokenHeader {
  std::string alg;
  std::optional<std::string> kid;
  std::optional<std::string> typ;
};

dom::parser& token_parser() {
  thread_local dom::parser parser;
  return parser;
}

bool is_kid(std::string_view text) {
  return !text.empty() && text.size() <= kMaxKidSize && std::ranges::all_of(text, [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_' || c == '-';
  });
}

// Visible ASCII that stands in JSON as it is.
bool is_plain(std::string_view text) {
  return !text.empty() &&
         std::ranges::all_of(text, [](char c) { return c > ' ' && c <= '~' && c != '"' && c != '\\'; });
}

bool is_id(std::string_view text) { return text.size() <= kMaxIdSize && is_plain(text); }

bool is_time(std::int64_t seconds) { return seconds >= 0 && seconds <= kMaxTime; }

void require_key_size(ByteView secret) {
  if (secret.size() < kMinHmacKeySize) throw CryptoError("an HS256 key has at least 32 bytes");
}

std::optional<CompactParts> split(std::string_view token) {
  if (token.size() > kMaxTokenSize || std::ranges::count(token, '.') != 2) return std::nullopt;
  const auto first = token.find('.');
  const auto second = token.find('.', first + 1);
  return CompactParts{token.substr(0, first), token.substr(first + 1, second - first - 1), token.substr(second + 1),
                      token.substr(0, second)};
}

// The string member of a name: false when it is there and no string; an absent one leaves `out` as it is.
bool read_text(dom::object object, std::string_view name, std::optional<std::string>& out) {
  dom::element value;
  if (object.at_key(name).get(value)) return true;
  std::string_view text;
  if (value.get(text)) return false;
  out.emplace(text);
  return true;
}

// The same for an integer; 1.0 and "1" are none.
bool read_integer(dom::object object, std::string_view name, std::optional<std::int64_t>& out) {
  dom::element value;
  if (object.at_key(name).get(value)) return true;
  if (value.type() != dom::element_type::INT64) return false;
  out = std::int64_t{value};
  return true;
}

std::variant<TokenHeader, JwtError> read_header(std::string_view text) {
  const auto [root, fault] = parse_strict_json(token_parser(), text, kMaxDepth);
  dom::object object;
  if (fault || root.get(object)) return JwtError::malformed;
  for (const auto name : kRefusedMembers) {
    if (object.at_key(name).error() == simdjson::SUCCESS) return JwtError::unsupported;
  }
  std::optional<std::string> alg;
  TokenHeader header;
  if (!read_text(object, "alg", alg) || !alg || !read_text(object, "kid", header.kid) ||
      !read_text(object, "typ", header.typ)) {
    return JwtError::malformed;
  }
  header.alg = std::move(*alg);
  return header;
}

bool signature_holds(std::string_view signed_part, ByteView signature, ByteView secret) {
  require_key_size(secret);
  return constant_time_equal(hmac_sha256(secret, as_bytes(signed_part)), signature);
}

std::optional<JwtError> check_times(const JwtClaims& claims, const JwtPolicy& policy) {
  if (!is_time(claims.iat) || !is_time(claims.exp) || (claims.nbf && !is_time(*claims.nbf)))
    return JwtError::bad_claims;
  const std::int64_t lifetime = claims.exp - claims.iat;
  if (lifetime <= 0 || lifetime > policy.max_lifetime) return JwtError::bad_claims;
  if (policy.now >= claims.exp + policy.skew) return JwtError::expired;
  if (std::max(claims.iat, claims.nbf.value_or(0)) > policy.now + policy.skew) return JwtError::not_yet_valid;
  return std::nullopt;
}

JwtResult read_claims(std::string_view text, const JwtPolicy& policy) {
  const auto [root, fault] = parse_strict_json(token_parser(), text, kMaxDepth);
  dom::object object;
  if (fault || root.get(object)) return JwtError::malformed;
  std::optional<std::string> iss, sub, aud, jti, sid;
  std::optional<std::int64_t> iat, exp, aal;
  JwtClaims claims;
  if (!read_text(object, "iss", iss) || !read_text(object, "sub", sub) || !read_text(object, "aud", aud) ||
      !read_text(object, "jti", jti) || !read_text(object, "sid", sid) || !read_integer(object, "iat", iat) ||
      !read_integer(object, "exp", exp) || !read_integer(object, "nbf", claims.nbf) ||
      !read_integer(object, "aal", aal) || !read_text(object, "tenant", claims.tenant)) {
    return JwtError::bad_claims;
  }
  if (iss != policy.issuer || aud != policy.audience || !sub || !jti || !sid || !iat || !exp)
    return JwtError::bad_claims;
  if (!is_id(*sub) || !is_id(*jti) || !is_id(*sid) || (claims.tenant && !is_id(*claims.tenant)) ||
      (aal && (*aal < 1 || *aal > kMaxAssurance))) {
    return JwtError::bad_claims;
  }
  claims.iss = std::move(*iss);
  claims.sub = std::move(*sub);
  claims.aud = std::move(*aud);
  claims.jti = std::move(*jti);
  claims.sid = std::move(*sid);
  claims.iat = *iat;
  claims.exp = *exp;
  claims.aal = static_cast<int>(aal.value_or(1));
  if (const auto error = check_times(claims, policy)) return *error;
  return claims;
}

void append_member(std::string& json, std::string_view name, std::string_view text) {
  json.append(json.empty() ? "{\"" : ",\"").append(name).append("\":\"").append(text).append("\"");
}

void append_member(std::string& json, std::string_view name, std::int64_t number) {
  json.append(",\"").append(name).append("\":").append(std::to_string(number));
}

}  // namespace

JwtResult jwt_verify(std::string_view token, const JwtKeyLookup& lookup, const JwtPolicy& policy) {
  const auto parts = split(token);
  if (!parts) return JwtError::malformed;
  const auto header_json = base64url_decode(parts->header);
  const auto payload = base64url_decode(parts->payload);
  const auto signature = base64url_decode(parts->signature);
  if (!header_json || !payload || !signature) return JwtError::malformed;

  const auto header_or_error = read_header(as_text(*header_json));
  if (const auto* error = std::get_if<JwtError>(&header_or_error)) return *error;
  const auto& header = std::get<TokenHeader>(header_or_error);
  if (header.alg != "HS256" || header.typ != "at+jwt") return JwtError::unsupported;
  if (!header.kid || !is_kid(*header.kid)) return JwtError::malformed;

  const auto key = lookup(*header.kid);
  if (!key || key->kid != *header.kid) return JwtError::unknown_key;
  if (!signature_holds(parts->signed_part, *signature, key->secret)) return JwtError::bad_signature;
  return read_claims(as_text(*payload), policy);
}

std::string jwt_sign(const JwtClaims& claims, const JwtKey& key) {
  require_key_size(key.secret);
  if (!is_kid(key.kid)) throw CryptoError("a kid is 1 to 64 of A-Z, a-z, 0-9, '_' and '-'");
  if (!is_plain(claims.iss) || !is_plain(claims.aud) || !is_id(claims.sub) || !is_id(claims.jti) ||
      !is_id(claims.sid) || (claims.tenant && !is_id(*claims.tenant)) || claims.aal < 1 || claims.aal > kMaxAssurance) {
    throw CryptoError("a claim of the token is empty, too long or not plain ASCII");
  }
  if (!is_time(claims.iat) || !is_time(claims.exp) || (claims.nbf && !is_time(*claims.nbf)) ||
      claims.exp <= claims.iat) {
    throw CryptoError("a time of the token is out of range");
  }
  std::string payload;
  append_member(payload, "iss", claims.iss);
  append_member(payload, "sub", claims.sub);
  append_member(payload, "aud", claims.aud);
  append_member(payload, "iat", claims.iat);
  append_member(payload, "exp", claims.exp);
  if (claims.nbf) append_member(payload, "nbf", *claims.nbf);
  append_member(payload, "jti", claims.jti);
  append_member(payload, "sid", claims.sid);
  if (claims.tenant) append_member(payload, "tenant", *claims.tenant);
  append_member(payload, "aal", std::int64_t{claims.aal});
  payload.push_back('}');

  std::string token = base64url_encode(as_bytes("{\"alg\":\"HS256\",\"kid\":\"" + key.kid + "\",\"typ\":\"at+jwt\"}"));
  token.append(".").append(base64url_encode(as_bytes(payload)));
  const auto signature = hmac_sha256(key.secret, as_bytes(token));
  token.append(".").append(base64url_encode(signature));
  if (token.size() > kMaxTokenSize) throw CryptoError("the token is larger than 4 KiB");
  return token;
}

std::optional<Bytes> jws_verify_hs256(std::string_view compact, ByteView secret) {
  const auto parts = split(compact);
  if (!parts) return std::nullopt;
  const auto header_json = base64url_decode(parts->header);
  auto payload = base64url_decode(parts->payload);
  const auto signature = base64url_decode(parts->signature);
  if (!header_json || !payload || !signature) return std::nullopt;
  const auto header = read_header(as_text(*header_json));
  const auto* fields = std::get_if<TokenHeader>(&header);
  if (fields == nullptr || fields->alg != "HS256") return std::nullopt;
  if (!signature_holds(parts->signed_part, *signature, secret)) return std::nullopt;
  return payload;
}

const char* to_string(JwtError error) {
  switch (error) {
    case JwtError::malformed:
      return "malformed";
    case JwtError::unsupported:
      return "unsupported";
    case JwtError::unknown_key:
      return "unknown_key";
    case JwtError::bad_signature:
      return "bad_signature";
    case JwtError::bad_claims:
      return "bad_claims";
    case JwtError::expired:
      return "expired";
    case JwtError::not_yet_valid:
      return "not_yet_valid";
  }
  return "unknown";
}

}  // namespace factory::crypto
