#include "crypto/envelope.hpp"

#include <algorithm>

#include "crypto/gcm.hpp"

namespace factory::crypto {
namespace {

constexpr std::string_view kForm = "v1";
constexpr std::size_t kHeaderSize = kForm.size() + std::tuple_size_v<KeyId>;
constexpr std::size_t kLeastSize = kHeaderSize + kGcmNonceSize + kGcmTagSize;

void append(Bytes& bytes, ByteView part) { bytes.insert(bytes.end(), part.begin(), part.end()); }

void append_number(Bytes& bytes, std::uint64_t number, int size) {
  for (int shift = 8 * (size - 1); shift >= 0; shift -= 8) bytes.push_back(static_cast<std::uint8_t>(number >> shift));
}

Bytes header(const KeyId& kid) {
  Bytes bytes;
  bytes.reserve(kHeaderSize);
  append(bytes, as_bytes(kForm));
  append(bytes, kid);
  return bytes;
}

// The header, then each part behind its size in four bytes, so that no two places read alike.
Bytes associated(const KeyId& kid, const EnvelopePlace& place) {
  Bytes bytes = header(kid);
  for (const ByteView part : {place.tenant, as_bytes(place.table), as_bytes(place.column), place.id}) {
    append_number(bytes, part.size(), 4);
    append(bytes, part);
  }
  append_number(bytes, 8, 4);
  append_number(bytes, place.version, 8);
  return bytes;
}

}  // namespace

Bytes envelope_seal(ByteView key, const KeyId& kid, const EnvelopePlace& place, ByteView content) {
  if (content.size() > kMaxEnvelopeContent) throw CryptoError("an envelope holds 64 KiB at most");
  Bytes sealed = header(kid);
  const Bytes body = gcm_seal(key, associated(kid, place), content);
  append(sealed, body);
  return sealed;
}

std::optional<KeyId> envelope_key_id(ByteView sealed) {
  if (sealed.size() < kLeastSize || sealed.size() > kLeastSize + kMaxEnvelopeContent) return std::nullopt;
  if (as_text(sealed.first(kForm.size())) != kForm) return std::nullopt;
  KeyId kid;
  std::ranges::copy(sealed.subspan(kForm.size(), kid.size()), kid.begin());
  return kid;
}

std::optional<Secret> envelope_open(ByteView key, const KeyId& kid, const EnvelopePlace& place, ByteView sealed) {
  if (envelope_key_id(sealed) != kid) return std::nullopt;
  return gcm_open(key, associated(kid, place), sealed.subspan(kHeaderSize));
}

}  // namespace factory::crypto
