#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "crypto/bytes.hpp"

namespace factory::crypto {

/// Base64url without padding (RFC 4648 section 5), as JWTs, tokens and cursors use it.
std::string base64url_encode(ByteView bytes);

/// Reads what base64url_encode() writes and nothing else: no padding, no whitespace, no '+' or '/', unused bits zero.
std::optional<Bytes> base64url_decode(std::string_view text);

/// Standard alphabet without padding, as PHC strings use it.
std::string base64_encode(ByteView bytes);

/// Standard alphabet with padding, as mail and signed webhooks use it.
std::string padded_base64(ByteView bytes);

/// Reads what base64_encode() writes and nothing else.
std::optional<Bytes> base64_decode(std::string_view text);

}  // namespace factory::crypto
