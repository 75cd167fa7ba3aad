// Microseconds to seal and open a secret of 100 bytes: as it is stored, data key unwrapped for each, against AES-256-GCM of
// OpenSSL alone with its context at hand. Prints "ours X openssl Y".
#include <openssl/evp.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>

#include "crypto/envelope.hpp"
#include "crypto/random.hpp"

using namespace factory::crypto;

namespace {

constexpr int kTimes = 100000;

template <typename Work>
double microseconds(Work work) {
  const auto begin = std::chrono::steady_clock::now();
  for (int n = 0; n < kTimes; ++n) work();
  return std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - begin).count() / kTimes;
}

void require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

int main() {
  const Bytes master = random_bytes(32), data_key = random_bytes(32), secret = random_bytes(100);
  const Bytes tenant = random_bytes(16), id = random_bytes(16);
  const KeyId master_id = {1}, key_id = {2};
  const EnvelopePlace key_place{tenant, "data_keys", "wrapped", key_id, 1}, place{tenant, "secrets", "sealed", id, 1};
  const Bytes wrapped = envelope_seal(master, master_id, key_place, data_key);
  const double ours = microseconds([&] {
    const auto key_to_seal = envelope_open(master, master_id, key_place, wrapped);
    const Bytes sealed = envelope_seal(key_to_seal->view(), key_id, place, secret);
    const auto key_to_open = envelope_open(master, master_id, key_place, wrapped);
    const auto opened = envelope_open(key_to_open->view(), key_id, place, sealed);
    require(opened && opened->size() == secret.size());
  });

  EVP_CIPHER* const cipher = EVP_CIPHER_fetch(nullptr, "AES-256-GCM", nullptr);
  EVP_CIPHER_CTX* const context = EVP_CIPHER_CTX_new();
  require(cipher != nullptr && context != nullptr);
  const double openssl = microseconds([&] {
    std::uint8_t nonce[12], text[128], tag[16], clear[128];
    int size;
    fill_random(nonce);
    EVP_EncryptInit_ex2(context, cipher, data_key.data(), nonce, nullptr);
    EVP_EncryptUpdate(context, nullptr, &size, id.data(), static_cast<int>(id.size()));
    EVP_EncryptUpdate(context, text, &size, secret.data(), static_cast<int>(secret.size()));
    EVP_EncryptFinal_ex(context, text + size, &size);
    EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, 16, tag);
    EVP_DecryptInit_ex2(context, cipher, data_key.data(), nonce, nullptr);
    EVP_DecryptUpdate(context, nullptr, &size, id.data(), static_cast<int>(id.size()));
    EVP_DecryptUpdate(context, clear, &size, text, static_cast<int>(secret.size()));
    EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, 16, tag);
    require(EVP_DecryptFinal_ex(context, clear + size, &size) == 1);
  });
  std::printf("ours %.3f openssl %.3f\n", ours, openssl);
  return 0;
}
