#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "crypto/bytes.hpp"

namespace factory::crypto {

using Sha256Digest = std::array<std::uint8_t, 32>;

/// SHA-256 (FIPS 180-4).
Sha256Digest sha256(ByteView data);

/// HMAC-SHA256 (RFC 2104) under a key of any length.
Sha256Digest hmac_sha256(ByteView key, ByteView data);

/// HKDF-SHA256 (RFC 5869), extract and expand: `length` bytes, 1 to 8160, else CryptoError.
Secret hkdf_sha256(ByteView input_key, ByteView salt, ByteView info, std::size_t length);

/// Whether both hold the same bytes; the time depends on the length only.
bool constant_time_equal(ByteView left, ByteView right);

}  // namespace factory::crypto
