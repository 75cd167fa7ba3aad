#include "crypto/gcm.hpp"

#include <gtest/gtest.h>

#include <set>

#include "crypto/random.hpp"
#include "tests/unit/vector_file.hpp"

namespace factory::crypto {
namespace {

using tests::hex_of;
using tests::text_of;
using tests::to_hex;

Bytes joined(const Bytes& first, const Bytes& second, const Bytes& third) {
  Bytes all = first;
  all.insert(all.end(), second.begin(), second.end());
  all.insert(all.end(), third.begin(), third.end());
  return all;
}

TEST(Gcm, MatchesWycheproofAndRefusesOtherSizes) {
  int used = 0, other_keys = 0, other_nonces = 0;
  tests::for_each_vector("aes_gcm_test.json", [&](auto group, auto vector) {
    const auto label = std::to_string(std::int64_t(vector["tcId"]));
    const Bytes key = hex_of(vector, "key");
    const Bytes sealed = joined(hex_of(vector, "iv"), hex_of(vector, "ct"), hex_of(vector, "tag"));
    if (std::int64_t(group["keySize"]) != 256) {
      ++other_keys;
      EXPECT_THROW(gcm_open(key, hex_of(vector, "aad"), sealed), CryptoError) << label;
      return;
    }
    const auto opened = gcm_open(key, hex_of(vector, "aad"), sealed);
    if (std::int64_t(group["ivSize"]) != 96) {
      ++other_nonces;
      EXPECT_FALSE(opened) << label;
      return;
    }
    ++used;
    ASSERT_EQ(opened.has_value(), text_of(vector, "result") == "valid") << label;
    if (!opened) return;
    EXPECT_EQ(to_hex(opened->view()), text_of(vector, "msg")) << label;
  });
  EXPECT_EQ(used, 66);
  EXPECT_EQ(other_keys, 211);
  EXPECT_EQ(other_nonces, 39);
}

TEST(Gcm, RoundTripsEveryLength) {
  const Bytes key = random_bytes(32);
  for (std::size_t size = 0; size < 100; ++size) {
    const Bytes plain = random_bytes(size);
    const Bytes sealed = gcm_seal(key, as_bytes("where it belongs"), plain);
    EXPECT_EQ(sealed.size(), 12 + size + 16);
    const auto opened = gcm_open(key, as_bytes("where it belongs"), sealed);
    ASSERT_TRUE(opened);
    EXPECT_EQ(to_hex(opened->view()), to_hex(plain));
  }
}

TEST(Gcm, NoticesEveryChangedBit) {
  const Bytes key = random_bytes(32);
  const Bytes sealed = gcm_seal(key, as_bytes("tenant/table/column/id"), as_bytes("a secret value"));
  for (std::size_t bit = 0; bit < sealed.size() * 8; ++bit) {
    Bytes changed = sealed;
    changed[bit / 8] ^= static_cast<std::uint8_t>(1U << bit % 8);
    EXPECT_FALSE(gcm_open(key, as_bytes("tenant/table/column/id"), changed)) << bit;
  }
}

TEST(Gcm, RefusesAnotherPlaceAnotherKeyAndAnyOtherLength) {
  const Bytes key = random_bytes(32);
  const Bytes sealed = gcm_seal(key, as_bytes("here"), as_bytes("a secret value"));
  EXPECT_FALSE(gcm_open(key, as_bytes("there"), sealed));
  EXPECT_FALSE(gcm_open(key, {}, sealed));
  EXPECT_FALSE(gcm_open(random_bytes(32), as_bytes("here"), sealed));
  for (std::size_t size = 0; size < sealed.size(); ++size) {
    EXPECT_FALSE(gcm_open(key, as_bytes("here"), ByteView(sealed).first(size))) << size;
  }
  Bytes longer = sealed;
  longer.push_back(0);
  EXPECT_FALSE(gcm_open(key, as_bytes("here"), longer));
}

TEST(Gcm, TakesKeysOf32BytesOnly) {
  for (const std::size_t size : {0U, 16U, 24U, 31U, 33U, 64U}) {
    EXPECT_THROW(gcm_seal(random_bytes(size), {}, {}), CryptoError);
    EXPECT_THROW(gcm_open(random_bytes(size), {}, random_bytes(64)), CryptoError);
  }
}

TEST(Gcm, NeverUsesANonceTwice) {
  const Bytes key = random_bytes(32);
  std::set<Bytes> nonces;
  for (int i = 0; i < 1000; ++i) {
    const Bytes sealed = gcm_seal(key, {}, {});
    nonces.emplace(sealed.begin(), sealed.begin() + 12);
  }
  EXPECT_EQ(nonces.size(), 1000U);
}

}  // namespace
}  // namespace factory::crypto
