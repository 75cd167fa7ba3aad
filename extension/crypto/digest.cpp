#include "crypto/digest.hpp"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include <memory>

namespace factory::crypto {
namespace {

constexpr std::size_t kMaxHkdfSize = 255 * 32;

// The algorithms below are fetched once and never freed: OpenSSL's own clean-up at exit may run before ours would.
const EVP_MD* sha256_algorithm() {
  static EVP_MD* const algorithm = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  if (algorithm == nullptr) throw CryptoError("SHA-256 is not available");
  return algorithm;
}

EVP_MAC_CTX* new_hmac_context() {
  EVP_MAC* const algorithm = EVP_MAC_fetch(nullptr, "HMAC", nullptr);
  EVP_MAC_CTX* const context = algorithm == nullptr ? nullptr : EVP_MAC_CTX_new(algorithm);
  if (context == nullptr) throw CryptoError("HMAC is not available");
  char digest[] = "SHA256";
  const OSSL_PARAM parameters[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
                                   OSSL_PARAM_construct_end()};
  if (EVP_MAC_CTX_set_params(context, parameters) != 1) throw CryptoError("HMAC-SHA256 is not available");
  return context;
}

EVP_KDF* hkdf_algorithm() {
  static EVP_KDF* const algorithm = EVP_KDF_fetch(nullptr, "HKDF", nullptr);
  if (algorithm == nullptr) throw CryptoError("HKDF is not available");
  return algorithm;
}

// OpenSSL takes a null pointer for "not given", so nothing needs an address too.
const std::uint8_t* address(ByteView bytes) {
  static const std::uint8_t nothing[1] = {};
  return bytes.empty() ? nothing : bytes.data();
}

OSSL_PARAM octets(const char* name, ByteView bytes) {
  return OSSL_PARAM_construct_octet_string(name, const_cast<std::uint8_t*>(address(bytes)), bytes.size());
}

}  // namespace

Sha256Digest sha256(ByteView data) {
  Sha256Digest digest;
  if (EVP_Digest(data.data(), data.size(), digest.data(), nullptr, sha256_algorithm(), nullptr) != 1) {
    throw CryptoError("SHA-256 failed");
  }
  return digest;
}

Sha256Digest hmac_sha256(ByteView key, ByteView data) {
  thread_local EVP_MAC_CTX* const context = new_hmac_context();
  Sha256Digest digest;
  std::size_t size = 0;
  if (EVP_MAC_init(context, address(key), key.size(), nullptr) != 1 ||
      EVP_MAC_update(context, data.data(), data.size()) != 1 ||
      EVP_MAC_final(context, digest.data(), &size, digest.size()) != 1 || size != digest.size()) {
    throw CryptoError("HMAC-SHA256 failed");
  }
  return digest;
}

Secret hkdf_sha256(ByteView input_key, ByteView salt, ByteView info, std::size_t length) {
  if (length == 0 || length > kMaxHkdfSize) throw CryptoError("HKDF gives 1 to 8160 bytes");
  const std::unique_ptr<EVP_KDF_CTX, decltype(&EVP_KDF_CTX_free)> context(EVP_KDF_CTX_new(hkdf_algorithm()),
                                                                          &EVP_KDF_CTX_free);
  char digest[] = "SHA256";
  const OSSL_PARAM parameters[] = {OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
                                   octets(OSSL_KDF_PARAM_KEY, input_key), octets(OSSL_KDF_PARAM_SALT, salt),
                                   octets(OSSL_KDF_PARAM_INFO, info), OSSL_PARAM_construct_end()};
  Secret key(length);
  if (!context || EVP_KDF_derive(context.get(), key.data(), key.size(), parameters) != 1) {
    throw CryptoError("HKDF-SHA256 failed");
  }
  return key;
}

bool constant_time_equal(ByteView left, ByteView right) {
  return left.size() == right.size() && CRYPTO_memcmp(left.data(), right.data(), left.size()) == 0;
}

}  // namespace factory::crypto
