// Secrets at rest: AES-256-GCM bound to the key that sealed them and to the one place they belong in.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "crypto/bytes.hpp"

namespace factory::crypto {

using KeyId = std::array<std::uint8_t, 16>;

inline constexpr std::size_t kMaxEnvelopeContent = 65536;

/// Where a sealed value stands. A value that was moved to another workspace, table, column, row or version does not open.
struct EnvelopePlace {
  ByteView tenant;  // 16 bytes, or none for what belongs to the platform
  std::string_view table, column;
  ByteView id;
  std::uint64_t version;
};

/// Seals up to 64 KiB: "v1" | kid16 | nonce12 | ciphertext | tag16. CryptoError for a longer content or another key size
/// than 32 bytes.
Bytes envelope_seal(ByteView key, const KeyId& kid, const EnvelopePlace& place, ByteView content);

/// The key that an envelope names; nothing when it cannot be one of ours by form and size.
std::optional<KeyId> envelope_key_id(ByteView sealed);

/// Opens what envelope_seal() made under the same key, id and place; nothing for every kind of failure alike.
std::optional<Secret> envelope_open(ByteView key, const KeyId& kid, const EnvelopePlace& place, ByteView sealed);

}  // namespace factory::crypto
