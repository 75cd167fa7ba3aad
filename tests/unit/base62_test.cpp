#include "crypto/base62.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "crypto/random.hpp"
#include "tests/unit/vector_file.hpp"

namespace factory::crypto {
namespace {

std::array<std::uint8_t, 16> uuid_of(std::string_view hex) {
  std::array<std::uint8_t, 16> uuid{};
  std::ranges::copy(tests::from_hex(hex), uuid.begin());
  return uuid;
}

TEST(Base62, MatchesKnownNumbers) {
  EXPECT_EQ(base62_encode_uuid(uuid_of("00000000000000000000000000000000")), "0000000000000000000000");
  EXPECT_EQ(base62_encode_uuid(uuid_of("00000000000000000000000000000001")), "0000000000000000000001");
  EXPECT_EQ(base62_encode_uuid(uuid_of("0000000000000000000000000000003d")), "000000000000000000000z");
  EXPECT_EQ(base62_encode_uuid(uuid_of("0000000000000000000000000000003e")), "0000000000000000000010");
  EXPECT_EQ(base62_encode_uuid(uuid_of("ffffffffffffffffffffffffffffffff")), "7n42DGM5Tflk9n8mt7Fhc7");
}

TEST(Base62, RefusesWhatIsNoUuid) {
  EXPECT_TRUE(base62_decode_uuid("7n42DGM5Tflk9n8mt7Fhc7"));
  for (const char* text : {"", "0", "000000000000000000000", "00000000000000000000000", "7n42DGM5Tflk9n8mt7Fhc8",
                           "7n42DGM5Tflk9n8mt7Fhd0", "zzzzzzzzzzzzzzzzzzzzzz", "8000000000000000000000",
                           "000000000000000000000-", "000000000000000000000_", " 000000000000000000000",
                           "00000000000\xc3\xa9"
                           "000000000"}) {
    EXPECT_FALSE(base62_decode_uuid(text)) << text;
  }
}

TEST(Base62, EveryUuidRoundTripsAndKeepsItsOrder) {
  std::array<std::uint8_t, 16> former{};
  std::string former_text = base62_encode_uuid(former);
  for (int i = 0; i < 10'000; ++i) {
    std::array<std::uint8_t, 16> uuid;
    fill_random(uuid);
    const std::string text = base62_encode_uuid(uuid);
    EXPECT_EQ(text.size(), 22U);
    EXPECT_EQ(base62_decode_uuid(text), uuid);
    EXPECT_EQ(text < former_text, uuid < former);
    former = uuid;
    former_text = text;
  }
}

TEST(Base62, RandomTextUsesTheWholeAlphabetEvenly) {
  const std::string text = base62_random(62'000);
  EXPECT_EQ(text.size(), 62'000U);
  std::array<int, 256> count{};
  for (const char c : text) ++count[static_cast<unsigned char>(c)];
  int digits = 0;
  for (const int n : count) {
    if (n == 0) continue;
    ++digits;
    EXPECT_NEAR(n, 1000, 200);
  }
  EXPECT_EQ(digits, 62);
  EXPECT_EQ(base62_random(0), "");
  EXPECT_NE(base62_random(32), base62_random(32));
}

TEST(Base62, NumbersOf32BitsTakeSixDigits) {
  EXPECT_EQ(base62_encode_u32(0), "000000");
  EXPECT_EQ(base62_encode_u32(61), "00000z");
  EXPECT_EQ(base62_encode_u32(62), "000010");
  EXPECT_EQ(base62_encode_u32(0xffffffff), "4gfFC3");
}

}  // namespace
}  // namespace factory::crypto
