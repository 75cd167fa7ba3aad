#include "crypto/random.hpp"

#include <gtest/gtest.h>

#include <bitset>
#include <set>

namespace factory::crypto {
namespace {

TEST(Random, GivesAsManyBytesAsAsked) {
  EXPECT_EQ(random_bytes(0).size(), 0U);
  EXPECT_EQ(random_bytes(1000).size(), 1000U);
}

TEST(Random, NeverRepeats) {
  std::set<Bytes> seen;
  for (int i = 0; i < 1000; ++i) seen.insert(random_bytes(16));
  EXPECT_EQ(seen.size(), 1000U);
}

TEST(Random, FillsEveryByteOfTheSpan) {
  std::bitset<64> touched;
  for (int round = 0; round < 64; ++round) {
    std::array<std::uint8_t, 64> block{};
    fill_random(block);
    for (std::size_t i = 0; i < block.size(); ++i) touched[i] = touched[i] || block[i] != 0;
  }
  EXPECT_TRUE(touched.all());
}

}  // namespace
}  // namespace factory::crypto
