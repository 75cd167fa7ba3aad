#include "crypto/webhook_signature.hpp"

#include "crypto/base64url.hpp"
#include "crypto/digest.hpp"

namespace factory::crypto {

std::string webhook_signature(ByteView secret, std::string_view id, std::int64_t unix_seconds, std::string_view body) {
  std::string content(id);
  content.append(".").append(std::to_string(unix_seconds)).append(".").append(body);
  return "v1," + padded_base64(hmac_sha256(secret, as_bytes(content)));
}

}  // namespace factory::crypto
