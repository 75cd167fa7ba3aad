#include "crypto/keyed_hash.hpp"

#include <cstring>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

namespace factory::crypto {

void KeyedHash::Free::operator()(void* context) const { EVP_MAC_CTX_free(static_cast<EVP_MAC_CTX*>(context)); }

KeyedHash::KeyedHash(const Key& key) : key_(key) {
  EVP_MAC* algorithm = EVP_MAC_fetch(nullptr, "SIPHASH", nullptr);
  context_.reset(EVP_MAC_CTX_new(algorithm));
  EVP_MAC_free(algorithm);
  std::size_t size = sizeof(Digest);
  const OSSL_PARAM parameters[] = {OSSL_PARAM_construct_size_t(OSSL_MAC_PARAM_SIZE, &size), OSSL_PARAM_construct_end()};
  if (!context_ || EVP_MAC_CTX_set_params(static_cast<EVP_MAC_CTX*>(context_.get()), parameters) != 1)
    throw CryptoError("SipHash is not available");
}

KeyedHash::Digest KeyedHash::operator()(ByteView data) {
  auto* context = static_cast<EVP_MAC_CTX*>(context_.get());
  std::uint8_t bytes[sizeof(Digest)];
  std::size_t written = 0;
  if (EVP_MAC_init(context, key_.data(), key_.size(), nullptr) != 1 ||
      EVP_MAC_update(context, data.data(), data.size()) != 1 ||
      EVP_MAC_final(context, bytes, &written, sizeof bytes) != 1 || written != sizeof bytes)
    throw CryptoError("SipHash failed");
  Digest digest;
  std::memcpy(&digest, bytes, sizeof digest);
  return digest;
}

}  // namespace factory::crypto
