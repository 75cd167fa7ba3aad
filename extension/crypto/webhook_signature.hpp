#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "crypto/bytes.hpp"

namespace factory::crypto {

/// Base64 with padding (RFC 4648 section 4).
std::string padded_base64(ByteView bytes);

/// One entry of the webhook-signature header of Standard Webhooks: "v1," and the HMAC-SHA256 of "id.timestamp.body".
std::string webhook_signature(ByteView secret, std::string_view id, std::int64_t unix_seconds, std::string_view body);

}  // namespace factory::crypto
