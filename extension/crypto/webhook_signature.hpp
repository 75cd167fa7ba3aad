#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "crypto/bytes.hpp"

namespace factory::crypto {

/// One entry of the webhook-signature header of Standard Webhooks: "v1," and the HMAC-SHA256 of "id.timestamp.body".
std::string webhook_signature(ByteView secret, std::string_view id, std::int64_t unix_seconds, std::string_view body);

}  // namespace factory::crypto
