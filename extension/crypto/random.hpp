#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "crypto/bytes.hpp"

namespace factory::crypto {

/// Fills `out` from the operating system seeded generator; throws CryptoError rather than hand out weak bytes.
void fill_random(std::span<std::uint8_t> out);

/// `count` random bytes.
Bytes random_bytes(std::size_t count);

}  // namespace factory::crypto
