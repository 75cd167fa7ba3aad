#include <algorithm>
#include <cstdint>

#include "crypto/envelope.hpp"
#include "tests/fuzz/expectation.hpp"

using namespace factory;
using namespace factory::crypto;

namespace {

const Bytes kKey(32, 0x2a);
const KeyId kKid = {'k', 'e', 'y'};

EnvelopePlace home() { return {as_bytes("0123456789abcdef"), "secrets", "sealed", as_bytes("row"), 7}; }

void open_as_sent(ByteView sealed) {
  const auto named = envelope_key_id(sealed);
  fuzz::expect(!named || sealed.size() >= 46, "what names a key is long enough to have been sealed");
  fuzz::expect(!envelope_open(kKey, kKid, home(), sealed), "nothing opens that was not sealed");
  if (named) fuzz::expect(!envelope_open(kKey, *named, home(), sealed), "nor under the key that it names");
}

// The input is content, and its first bytes say where the sealed form is damaged.
void seal_and_damage(ByteView input) {
  if (input.size() < 3) return;
  const ByteView content = input.subspan(3).first(std::min(input.size() - 3, kMaxEnvelopeContent));
  Bytes sealed = envelope_seal(kKey, kKid, home(), content);
  const auto opened = envelope_open(kKey, kKid, home(), sealed);
  fuzz::expect(opened && std::ranges::equal(opened->view(), content), "what was sealed opens again");
  if (input[2] == 0) return;
  sealed[(input[0] << 8 | input[1]) % sealed.size()] ^= input[2];
  fuzz::expect(!envelope_open(kKey, kKid, home(), sealed), "a damaged envelope stays shut");
}

}  // namespace

// The first byte chooses: an envelope as a table might hold it, or content to be sealed and damaged.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  if (data[0] & 1)
    seal_and_damage({data + 1, size - 1});
  else
    open_as_sent({data + 1, size - 1});
  return 0;
}
