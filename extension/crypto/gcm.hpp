#pragma once

#include <cstddef>
#include <optional>

#include "crypto/bytes.hpp"

namespace factory::crypto {

inline constexpr std::size_t kGcmKeySize = 32;
inline constexpr std::size_t kGcmNonceSize = 12;
inline constexpr std::size_t kGcmTagSize = 16;

/// AES-256-GCM with a fresh random nonce: nonce12 | ciphertext | tag16. CryptoError for any other key size.
Bytes gcm_seal(ByteView key, ByteView associated, ByteView plaintext);

/// Opens what gcm_seal() made; nothing for every kind of failure alike. CryptoError for any other key size.
std::optional<Secret> gcm_open(ByteView key, ByteView associated, ByteView sealed);

}  // namespace factory::crypto
