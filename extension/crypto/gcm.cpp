#include "crypto/gcm.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <limits>
#include <memory>

#include "crypto/random.hpp"

namespace factory::crypto {
namespace {

using CipherContext = std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)>;

const EVP_CIPHER* gcm_algorithm() {
  // Fetched once and never freed: OpenSSL's own clean-up at exit may run first.
  static EVP_CIPHER* const algorithm = EVP_CIPHER_fetch(nullptr, "AES-256-GCM", nullptr);
  if (algorithm == nullptr) throw CryptoError("AES-256-GCM is not available");
  return algorithm;
}

CipherContext new_context(ByteView key, ByteView associated, ByteView text) {
  constexpr std::size_t kMaxSize = std::numeric_limits<int>::max();
  if (key.size() != kGcmKeySize) throw CryptoError("AES-256-GCM takes a key of 32 bytes");
  if (associated.size() > kMaxSize || text.size() > kMaxSize) throw CryptoError("AES-256-GCM input is too large");
  CipherContext context(EVP_CIPHER_CTX_new(), &EVP_CIPHER_CTX_free);
  if (!context) throw CryptoError("AES-256-GCM failed");
  return context;
}

void require(int result) {
  if (result != 1) throw CryptoError("AES-256-GCM failed");
}

int int_size(ByteView bytes) { return static_cast<int>(bytes.size()); }

}  // namespace

Bytes gcm_seal(ByteView key, ByteView associated, ByteView plaintext) {
  const auto context = new_context(key, associated, plaintext);
  Bytes sealed(kGcmNonceSize + plaintext.size() + kGcmTagSize);
  const auto nonce = std::span(sealed).first(kGcmNonceSize);
  const auto ciphertext = std::span(sealed).subspan(kGcmNonceSize, plaintext.size());
  const auto tag = std::span(sealed).last(kGcmTagSize);
  fill_random(nonce);
  int size = 0;
  require(EVP_EncryptInit_ex2(context.get(), gcm_algorithm(), key.data(), nonce.data(), nullptr));
  require(EVP_EncryptUpdate(context.get(), nullptr, &size, associated.data(), int_size(associated)));
  require(EVP_EncryptUpdate(context.get(), ciphertext.data(), &size, plaintext.data(), int_size(plaintext)));
  require(EVP_EncryptFinal_ex(context.get(), tag.data(), &size));
  require(EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_GET_TAG, kGcmTagSize, tag.data()));
  return sealed;
}

std::optional<Secret> gcm_open(ByteView key, ByteView associated, ByteView sealed) {
  const auto context = new_context(key, associated, sealed);
  if (sealed.size() < kGcmNonceSize + kGcmTagSize) return std::nullopt;
  const auto nonce = sealed.first(kGcmNonceSize);
  const auto ciphertext = sealed.subspan(kGcmNonceSize, sealed.size() - kGcmNonceSize - kGcmTagSize);
  // Always the whole tag: OpenSSL would accept a shorter one, down to a single byte.
  std::uint8_t tag[kGcmTagSize];
  std::ranges::copy(sealed.last(kGcmTagSize), tag);
  Secret plaintext(ciphertext.size());
  int size = 0;
  require(EVP_DecryptInit_ex2(context.get(), gcm_algorithm(), key.data(), nonce.data(), nullptr));
  require(EVP_DecryptUpdate(context.get(), nullptr, &size, associated.data(), int_size(associated)));
  require(EVP_DecryptUpdate(context.get(), plaintext.data(), &size, ciphertext.data(), int_size(ciphertext)));
  require(EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_SET_TAG, kGcmTagSize, tag));
  std::uint8_t rest[16];
  if (EVP_DecryptFinal_ex(context.get(), rest, &size) != 1) return std::nullopt;
  return plaintext;
}

}  // namespace factory::crypto
