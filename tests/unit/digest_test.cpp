#include "crypto/digest.hpp"

#include <gtest/gtest.h>

#include "tests/unit/vector_file.hpp"

namespace factory::crypto {
namespace {

using tests::from_hex;
using tests::hex_of;
using tests::text_of;
using tests::to_hex;

TEST(Sha256, MatchesFips180) {
  EXPECT_EQ(to_hex(sha256({})), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(to_hex(sha256(as_bytes("abc"))), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(to_hex(sha256(as_bytes("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"))),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(to_hex(sha256(as_bytes(std::string(1'000'000, 'a')))),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

struct HmacCase {
  Bytes key;
  Bytes data;
  const char* tag;
};

TEST(Hmac, MatchesRfc4231) {
  const auto text = [](std::string_view value) { return Bytes(value.begin(), value.end()); };
  const HmacCase cases[] = {
      {Bytes(20, 0x0b), text("Hi There"), "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
      {text("Jefe"), text("what do ya want for nothing?"),
       "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
      {Bytes(20, 0xaa), Bytes(50, 0xdd), "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"},
      {from_hex("0102030405060708090a0b0c0d0e0f10111213141516171819"), Bytes(50, 0xcd),
       "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"},
      {Bytes(20, 0x0c), text("Test With Truncation"), "a3b6167473100ee06e0c796c2955552b"},
      {Bytes(131, 0xaa), text("Test Using Larger Than Block-Size Key - Hash Key First"),
       "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"},
      {Bytes(131, 0xaa),
       text("This is a test using a larger than block-size key and a larger than block-size data. The key needs to be "
            "hashed before being used by the HMAC algorithm."),
       "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2"},
  };
  for (const auto& [key, data, tag] : cases) {
    EXPECT_EQ(to_hex(hmac_sha256(key, data)).substr(0, std::string_view(tag).size()), tag);
  }
}

TEST(Hmac, MatchesWycheproof) {
  const int count = tests::for_each_vector("hmac_sha256_test.json", [](auto group, auto vector) {
    const auto size = static_cast<std::size_t>(std::int64_t(group["tagSize"])) / 8;
    const auto tag = hmac_sha256(hex_of(vector, "key"), hex_of(vector, "msg"));
    const bool equal = constant_time_equal(ByteView(tag).first(size), hex_of(vector, "tag"));
    EXPECT_EQ(equal, text_of(vector, "result") == "valid") << "vector " << std::int64_t(vector["tcId"]);
  });
  EXPECT_EQ(count, 174);
}

TEST(Hmac, AnEmptyKeyIsNotTheFormerKey) {
  const auto wanted = "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad";
  EXPECT_EQ(to_hex(hmac_sha256({}, {})), wanted);
  hmac_sha256(as_bytes("another key"), as_bytes("data"));
  EXPECT_EQ(to_hex(hmac_sha256({}, {})), wanted);
}

TEST(Hkdf, MatchesWycheproof) {
  const int count = tests::for_each_vector("hkdf_sha256_test.json", [](auto, auto vector) {
    const auto size = static_cast<std::size_t>(std::int64_t(vector["size"]));
    const auto derive = [&] {
      return hkdf_sha256(hex_of(vector, "ikm"), hex_of(vector, "salt"), hex_of(vector, "info"), size);
    };
    if (text_of(vector, "result") == "valid") {
      EXPECT_EQ(to_hex(derive().view()), text_of(vector, "okm")) << "vector " << std::int64_t(vector["tcId"]);
    } else {
      EXPECT_THROW(derive(), CryptoError) << "vector " << std::int64_t(vector["tcId"]);
    }
  });
  EXPECT_EQ(count, 86);
}

TEST(Hkdf, RefusesLengthsThatItCannotGive) {
  EXPECT_THROW(hkdf_sha256(as_bytes("key"), {}, {}, 0), CryptoError);
  EXPECT_EQ(hkdf_sha256(as_bytes("key"), {}, {}, 8160).size(), 8160U);
  EXPECT_THROW(hkdf_sha256(as_bytes("key"), {}, {}, 8161), CryptoError);
}

TEST(ConstantTimeEqual, ComparesLengthAndContent) {
  EXPECT_TRUE(constant_time_equal({}, {}));
  EXPECT_TRUE(constant_time_equal(as_bytes("same"), as_bytes("same")));
  EXPECT_FALSE(constant_time_equal(as_bytes("same"), as_bytes("sama")));
  EXPECT_FALSE(constant_time_equal(as_bytes("same"), as_bytes("sam")));
  EXPECT_FALSE(constant_time_equal({}, as_bytes("s")));
}

}  // namespace
}  // namespace factory::crypto
