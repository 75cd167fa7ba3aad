#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "crypto/bytes.hpp"

namespace factory::crypto {

/// Cost of scrypt (RFC 7914): N = 2^ln, block size r, parallelism p. The default takes 64 MiB and about 265 ms.
struct ScryptParams {
  int ln = 16;
  int r = 8;
  int p = 2;
  bool operator==(const ScryptParams&) const = default;
};

/// Whether the parameters lie in the accepted range: ln 1..20, r 1..32, p 1..16, at most 1 GiB and four times the
/// work of ln=20,r=8,p=1.
bool scrypt_params_valid(const ScryptParams& params);

/// Memory of one run in bytes, for whoever caps concurrent runs.
std::size_t scrypt_memory(const ScryptParams& params);

enum class PasswordCheck { match, mismatch, malformed };

/// The raw function of RFC 7914. CryptoError for parameters out of range and when memory runs out.
Secret scrypt_derive(ByteView password, ByteView salt, const ScryptParams& params, std::size_t length);

/// A PHC string `$scrypt$ln=16,r=8,p=2$<salt>$<hash>` with a fresh 16-byte salt and a 32-byte hash.
std::string scrypt_hash(std::string_view password, const ScryptParams& params = {});

/// Compares a password with a PHC string in constant time; `malformed` when the string is not one that we write.
PasswordCheck scrypt_verify(std::string_view password, std::string_view phc);

/// Whether the stored parameters differ from the wanted ones (or cannot be read): hash again at the next login.
bool scrypt_needs_rehash(std::string_view phc, const ScryptParams& wanted);

}  // namespace factory::crypto
