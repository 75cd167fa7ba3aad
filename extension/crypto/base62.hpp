#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace factory::crypto {

/// A UUID as exactly 22 characters 0-9A-Za-z: the 128-bit number, most significant digit first, padded with '0'.
std::string base62_encode_uuid(const std::array<std::uint8_t, 16>& uuid);

/// Reads exactly 22 characters; anything else, and any number of more than 128 bits, gives nothing.
std::optional<std::array<std::uint8_t, 16>> base62_decode_uuid(std::string_view text);

/// `count` random characters 0-9A-Za-z without bias, 5.95 bits each.
std::string base62_random(std::size_t count);

/// A number as exactly six characters, the check at the end of an API key (CRC-32 fits).
std::string base62_encode_u32(std::uint32_t number);

}  // namespace factory::crypto
