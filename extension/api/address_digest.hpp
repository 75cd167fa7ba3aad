// Addresses that somebody tried are kept as a digest: whoever knows one finds it, nobody reads them off.
#pragma once

#include <string>
#include <string_view>

#include "crypto/base64url.hpp"
#include "crypto/digest.hpp"

namespace factory::api {

inline std::string address_digest(std::string_view address) {
  constexpr std::size_t length = 22;  // 132 bits
  return crypto::base64url_encode(crypto::sha256(crypto::as_bytes(address))).substr(0, length);
}

}  // namespace factory::api
