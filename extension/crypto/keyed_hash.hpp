#pragma once

#include <array>
#include <cstdint>
#include <memory>

#include "crypto/bytes.hpp"

namespace factory::crypto {

/// SipHash-2-4 with 128 bits of result: a hash for tables, in which nobody who does not know the key can aim at a place.
class KeyedHash {
 public:
  using Key = std::array<std::uint8_t, 16>;
  struct Digest {
    std::uint64_t high, low;
    bool operator==(const Digest&) const = default;
  };

  /// Throws CryptoError when OpenSSL does not offer it.
  explicit KeyedHash(const Key& key);

  Digest operator()(ByteView data);

 private:
  struct Free {
    void operator()(void* context) const;
  };
  Key key_;
  std::unique_ptr<void, Free> context_;  // EVP_MAC_CTX, started anew for each message
};

}  // namespace factory::crypto
