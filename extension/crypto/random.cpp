#include "crypto/random.hpp"

#include <openssl/rand.h>

#include <limits>

namespace factory::crypto {

void fill_random(std::span<std::uint8_t> out) {
  if (out.size() > static_cast<std::size_t>(std::numeric_limits<int>::max()))
    throw CryptoError("too many random bytes");
  if (RAND_bytes(out.data(), static_cast<int>(out.size())) != 1) throw CryptoError("the random generator failed");
}

Bytes random_bytes(std::size_t count) {
  Bytes bytes(count);
  fill_random(bytes);
  return bytes;
}

}  // namespace factory::crypto
