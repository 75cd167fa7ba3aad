#include "crypto/keyed_hash.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <string>

#include "tests/unit/vector_file.hpp"

namespace factory::crypto {
namespace {

std::string hex(const KeyedHash::Digest& digest) {
  Bytes bytes(sizeof digest);
  std::memcpy(bytes.data(), &digest, sizeof digest);
  return tests::to_hex(bytes);
}

KeyedHash::Key counting_key() {
  KeyedHash::Key key;
  for (std::size_t i = 0; i < key.size(); ++i) key[i] = static_cast<std::uint8_t>(i);
  return key;
}

// The first of the vectors that the authors of SipHash publish for 128 bits: key 00 01 .. 0f, message 00 01 ...
TEST(KeyedHash, MatchesThePublishedVectors) {
  KeyedHash hash(counting_key());
  EXPECT_EQ(hex(hash({})), "a3817f04ba25a8e66df67214c7550293");
  const Bytes one{0};
  EXPECT_EQ(hex(hash(one)), "da87c1d86b99af44347659119b22fc45");
}

TEST(KeyedHash, DependsOnKeyAndMessageAlone) {
  KeyedHash hash(counting_key()), other(KeyedHash::Key{});
  const KeyedHash::Digest first = hash(as_bytes("one"));
  EXPECT_NE(hash(as_bytes("two")), first);
  EXPECT_EQ(hash(as_bytes("one")), first);
  EXPECT_NE(other(as_bytes("one")), first);
}

}  // namespace
}  // namespace factory::crypto
