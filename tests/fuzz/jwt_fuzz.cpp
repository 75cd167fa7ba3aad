#include <cstdint>

#include "crypto/base64url.hpp"
#include "crypto/digest.hpp"
#include "crypto/jwt.hpp"
#include "tests/fuzz/expectation.hpp"

using namespace factory;
using namespace factory::crypto;

namespace {

constexpr std::string_view kSecret = "a secret of the fuzzer, 32 bytes.";
constexpr std::string_view kHeader = R"({"alg":"HS256","kid":"k","typ":"at+jwt"})";
constexpr std::string_view kPayload =
    R"({"iss":"i","sub":"u","aud":"a","iat":1000,"exp":1900,"jti":"j","sid":"s","aal":1})";

std::optional<JwtKey> find_key(std::string_view kid) { return JwtKey{std::string(kid), as_bytes(kSecret)}; }

std::string signed_token(std::string_view header, std::string_view payload) {
  std::string token = base64url_encode(as_bytes(header)) + '.' + base64url_encode(as_bytes(payload));
  return token + '.' + base64url_encode(hmac_sha256(as_bytes(kSecret), as_bytes(token)));
}

void check(const std::string& token, bool signed_by_us) {
  const JwtPolicy policy{.issuer = "i", .audience = "a", .now = 1500, .skew = 30, .max_lifetime = 900};
  const JwtResult result = jwt_verify(token, find_key, policy);
  if (const auto* error = std::get_if<JwtError>(&result)) {
    fuzz::expect(!signed_by_us || *error != JwtError::bad_signature || token.size() > kMaxTokenSize,
                 "a good signature is recognised");
    return;
  }
  fuzz::expect(signed_by_us, "nothing is accepted that was not signed");
  const auto& claims = std::get<JwtClaims>(result);
  fuzz::expect(claims.iss == "i" && claims.aud == "a", "issuer and audience are ours");
  fuzz::expect(claims.exp > claims.iat && claims.exp - claims.iat <= 900, "the lifetime is capped");
  fuzz::expect(claims.exp + 30 > 1500 && claims.iat <= 1530 && claims.nbf.value_or(0) <= 1530, "the time is right");
  fuzz::expect(!claims.sub.empty() && !claims.jti.empty() && !claims.sid.empty(), "ids are there");
  const JwtKey key{"k", as_bytes(kSecret)};
  const std::string again = jwt_sign(claims, key);
  const JwtResult read_again = jwt_verify(again, find_key, policy);
  fuzz::expect(std::holds_alternative<JwtClaims>(read_again) && std::get<JwtClaims>(read_again) == claims &&
                   jwt_sign(std::get<JwtClaims>(read_again), key) == again,
               "claims survive being signed again");
}

}  // namespace

// The first byte chooses what the rest is: a whole token, a header or a payload. The latter two are signed properly, so
// that the fuzzer gets behind the signature.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view rest = as_text({data + 1, size - 1});
  switch (data[0] % 3) {
    case 0:
      check(std::string(rest), rest == signed_token(kHeader, kPayload));
      break;
    case 1:
      check(signed_token(rest, kPayload), true);
      break;
    default:
      check(signed_token(kHeader, rest), true);
  }
  return 0;
}
