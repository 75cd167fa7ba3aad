// Tokens that are shown once are kept as their SHA-256: 256 random bits need no salt and no cost.
#pragma once

#include <string>
#include <string_view>

#include "crypto/digest.hpp"

namespace factory::api {

inline std::string token_hash(std::string_view token) {
  const crypto::Sha256Digest digest = crypto::sha256(crypto::as_bytes(token));
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

}  // namespace factory::api
