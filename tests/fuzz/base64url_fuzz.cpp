#include <cstdint>

#include "crypto/base62.hpp"
#include "crypto/base64url.hpp"
#include "tests/fuzz/expectation.hpp"

using namespace factory;

// Every text that is read is the one text that writing gives, and every sequence of bytes survives the round trip.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const crypto::ByteView bytes(data, size);
  const std::string_view text = crypto::as_text(bytes);
  if (const auto decoded = crypto::base64url_decode(text)) {
    fuzz::expect(crypto::base64url_encode(*decoded) == text, "one spelling for each value, URL alphabet");
  }
  if (const auto decoded = crypto::base64_decode(text)) {
    fuzz::expect(crypto::base64_encode(*decoded) == text, "one spelling for each value, standard alphabet");
  }
  if (const auto uuid = crypto::base62_decode_uuid(text)) {
    fuzz::expect(crypto::base62_encode_uuid(*uuid) == text, "one spelling for each UUID");
  }
  const auto again = crypto::base64url_decode(crypto::base64url_encode(bytes));
  fuzz::expect(again && crypto::as_text(*again) == text, "bytes survive the round trip");
  return 0;
}
