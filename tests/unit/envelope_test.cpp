#include "crypto/envelope.hpp"

#include <gtest/gtest.h>

#include <functional>

#include "crypto/gcm.hpp"
#include "crypto/random.hpp"
#include "tests/unit/vector_file.hpp"

namespace factory::crypto {
namespace {

using tests::to_hex;

const Bytes kKey(32, 0x11), kOtherKey(32, 0x12);
const KeyId kKid = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
const Bytes kTenant(16, 0xaa), kOtherTenant(16, 0xab), kId(16, 0x01), kOtherId(16, 0x02);
const Bytes kContent = random_bytes(100);

EnvelopePlace home() { return {kTenant, "secrets", "sealed", kId, 1}; }

Bytes sealed_at_home() { return envelope_seal(kKey, kKid, home(), kContent); }

TEST(Envelope, OpensOnlyWhereItBelongs) {
  const Bytes sealed = sealed_at_home();
  const auto opened = envelope_open(kKey, kKid, home(), sealed);
  ASSERT_TRUE(opened);
  EXPECT_EQ(to_hex(opened->view()), to_hex(kContent));

  const std::pair<const char*, std::function<void(EnvelopePlace&)>> moves[] = {
      {"other tenant", [](EnvelopePlace& place) { place.tenant = kOtherTenant; }},
      {"no tenant", [](EnvelopePlace& place) { place.tenant = {}; }},
      {"other table", [](EnvelopePlace& place) { place.table = "data_keys"; }},
      {"other column", [](EnvelopePlace& place) { place.column = "wrapped"; }},
      {"other row", [](EnvelopePlace& place) { place.id = kOtherId; }},
      {"no row", [](EnvelopePlace& place) { place.id = {}; }},
      {"next version", [](EnvelopePlace& place) { place.version = 2; }},
      {"far version", [](EnvelopePlace& place) { place.version |= std::uint64_t{1} << 63; }},
      {"letters moved between table and column",
       [](EnvelopePlace& place) {
         place.table = "secretss";
         place.column = "ealed";
       }},
  };
  for (const auto& [name, move] : moves) {
    EnvelopePlace place = home();
    move(place);
    EXPECT_FALSE(envelope_open(kKey, kKid, place, sealed)) << name;
  }
  EXPECT_FALSE(envelope_open(kOtherKey, kKid, home(), sealed));
  KeyId other = kKid;
  other[15] ^= 1;
  EXPECT_FALSE(envelope_open(kKey, other, home(), sealed));
}

TEST(Envelope, EveryFlippedBitAndEveryOtherSizeFails) {
  const Bytes sealed = sealed_at_home();
  for (std::size_t bit = 0; bit < sealed.size() * 8; ++bit) {
    Bytes flipped = sealed;
    flipped[bit / 8] ^= static_cast<std::uint8_t>(1U << bit % 8);
    EXPECT_FALSE(envelope_open(kKey, kKid, home(), flipped)) << bit;
    // The key that the envelope names is bound too, not only looked up.
    if (const auto named = envelope_key_id(flipped)) {
      EXPECT_FALSE(envelope_open(kKey, *named, home(), flipped)) << bit;
    }
  }
  for (std::size_t size = 0; size < sealed.size(); ++size) {
    EXPECT_FALSE(envelope_open(kKey, kKid, home(), ByteView(sealed).first(size))) << size;
    EXPECT_FALSE(envelope_open(kKey, kKid, home(), ByteView(sealed).last(size))) << size;
  }
  Bytes longer = sealed;
  longer.push_back(0);
  EXPECT_FALSE(envelope_open(kKey, kKid, home(), longer));
}

TEST(Envelope, NamesItsKeyByForm) {
  EXPECT_EQ(envelope_key_id(sealed_at_home()), kKid);
  Bytes other = sealed_at_home();
  other[1] = '2';
  EXPECT_FALSE(envelope_key_id(other));
  EXPECT_FALSE(envelope_key_id({}));
  EXPECT_FALSE(envelope_key_id(ByteView(sealed_at_home()).first(45)));
  EXPECT_FALSE(envelope_key_id(Bytes(46 + kMaxEnvelopeContent + 1, 'v')));
}

TEST(Envelope, HoldsNothingAnd64KiBAndNoMore) {
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, kMaxEnvelopeContent}) {
    const Bytes content = random_bytes(size);
    const Bytes sealed = envelope_seal(kKey, kKid, home(), content);
    EXPECT_EQ(sealed.size(), 46 + size);
    const auto opened = envelope_open(kKey, kKid, home(), sealed);
    ASSERT_TRUE(opened) << size;
    EXPECT_TRUE(std::ranges::equal(opened->view(), content)) << size;
  }
  EXPECT_THROW(envelope_seal(kKey, kKid, home(), Bytes(kMaxEnvelopeContent + 1)), CryptoError);
  EXPECT_THROW(envelope_seal(Bytes(31), kKid, home(), kContent), CryptoError);
}

TEST(Envelope, NeverSealsTheSameTwice) { EXPECT_NE(sealed_at_home(), sealed_at_home()); }

// The form is written down in docs/secrets.md: what is sealed today must open in ten years.
TEST(Envelope, KeepsItsForm) {
  const Bytes sealed = sealed_at_home();
  Bytes associated = {'v', '1'};
  const auto add = [&associated](std::initializer_list<int> size, ByteView part) {
    for (const int byte : size) associated.push_back(static_cast<std::uint8_t>(byte));
    associated.insert(associated.end(), part.begin(), part.end());
  };
  add({}, kKid);
  add({0, 0, 0, 16}, kTenant);
  add({0, 0, 0, 7}, as_bytes("secrets"));
  add({0, 0, 0, 6}, as_bytes("sealed"));
  add({0, 0, 0, 16}, kId);
  add({0, 0, 0, 8}, Bytes{0, 0, 0, 0, 0, 0, 0, 1});
  const auto opened = gcm_open(kKey, associated, ByteView(sealed).subspan(18));
  ASSERT_TRUE(opened);
  EXPECT_EQ(to_hex(opened->view()), to_hex(kContent));
}

}  // namespace
}  // namespace factory::crypto
