#include "crypto/scrypt.hpp"

#include <openssl/evp.h>

#include <charconv>
#include <optional>
#include <utility>

#include "crypto/base64url.hpp"
#include "crypto/digest.hpp"
#include "crypto/random.hpp"

namespace factory::crypto {
namespace {

constexpr std::size_t kSaltSize = 16;
constexpr std::size_t kHashSize = 32;
constexpr std::uint64_t kMaxBlocks = std::uint64_t{1} << 23;  // N * r: 1 GiB
constexpr std::uint64_t kMaxWork = std::uint64_t{1} << 25;    // N * r * p

struct PasswordRecord {
  ScryptParams params;
  Bytes salt;
  Bytes hash;
};

// Takes `prefix` and a plain decimal number off the front of `text`.
std::optional<int> take_number(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return std::nullopt;
  text.remove_prefix(prefix.size());
  if (text.empty() || text.front() < '1' || text.front() > '9') return std::nullopt;
  int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc()) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return number;
}

std::optional<PasswordRecord> parse_phc(std::string_view text) {
  const auto ln = take_number(text, "$scrypt$ln=");
  const auto r = ln ? take_number(text, ",r=") : std::nullopt;
  const auto p = r ? take_number(text, ",p=") : std::nullopt;
  if (!p || !text.starts_with('$')) return std::nullopt;
  const ScryptParams params{*ln, *r, *p};
  if (!scrypt_params_valid(params)) return std::nullopt;
  text.remove_prefix(1);
  const auto middle = text.find('$');
  if (middle == std::string_view::npos) return std::nullopt;
  auto salt = base64_decode(text.substr(0, middle));
  auto hash = base64_decode(text.substr(middle + 1));
  if (!salt || salt->size() != kSaltSize || !hash || hash->size() != kHashSize) return std::nullopt;
  return PasswordRecord{params, std::move(*salt), std::move(*hash)};
}

}  // namespace

bool scrypt_params_valid(const ScryptParams& params) {
  if (params.ln < 1 || params.ln > 20 || params.r < 1 || params.r > 32 || params.p < 1 || params.p > 16) return false;
  const std::uint64_t blocks = (std::uint64_t{1} << params.ln) * static_cast<std::uint64_t>(params.r);
  return blocks <= kMaxBlocks && blocks * static_cast<std::uint64_t>(params.p) <= kMaxWork;
}

std::size_t scrypt_memory(const ScryptParams& params) {
  const auto r = static_cast<std::size_t>(params.r);
  return 128 * r * ((std::size_t{1} << params.ln) + static_cast<std::size_t>(params.p) + 2);
}

Secret scrypt_derive(ByteView password, ByteView salt, const ScryptParams& params, std::size_t length) {
  if (!scrypt_params_valid(params)) throw CryptoError("scrypt parameters are out of range");
  Secret key(length);
  // The limit is always named: OpenSSL's own default refuses 2^15 and more.
  constexpr std::size_t kSlack = 64 * 1024;
  if (EVP_PBE_scrypt(reinterpret_cast<const char*>(password.data()), password.size(), salt.data(), salt.size(),
                     std::uint64_t{1} << params.ln, static_cast<std::uint64_t>(params.r),
                     static_cast<std::uint64_t>(params.p), scrypt_memory(params) + kSlack, key.data(),
                     key.size()) != 1) {
    throw CryptoError("scrypt failed, probably for lack of memory");
  }
  return key;
}

std::string scrypt_hash(std::string_view password, const ScryptParams& params) {
  const Bytes salt = random_bytes(kSaltSize);
  const Secret hash = scrypt_derive(as_bytes(password), salt, params, kHashSize);
  return "$scrypt$ln=" + std::to_string(params.ln) + ",r=" + std::to_string(params.r) +
         ",p=" + std::to_string(params.p) + '$' + base64_encode(salt) + '$' + base64_encode(hash.view());
}

PasswordCheck scrypt_verify(std::string_view password, std::string_view phc) {
  const auto record = parse_phc(phc);
  if (!record) return PasswordCheck::malformed;
  const Secret hash = scrypt_derive(as_bytes(password), record->salt, record->params, kHashSize);
  return constant_time_equal(hash.view(), record->hash) ? PasswordCheck::match : PasswordCheck::mismatch;
}

bool scrypt_needs_rehash(std::string_view phc, const ScryptParams& wanted) {
  const auto record = parse_phc(phc);
  return !record || record->params != wanted;
}

}  // namespace factory::crypto
