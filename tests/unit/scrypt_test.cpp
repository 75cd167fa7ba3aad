#include "crypto/scrypt.hpp"

#include <gtest/gtest.h>

#include "tests/unit/vector_file.hpp"

namespace factory::crypto {
namespace {

using tests::to_hex;

constexpr ScryptParams kQuick{4, 8, 1};

// "pleaseletmein" under a fixed salt with ln=14,r=8,p=1, made with another implementation.
constexpr const char* kKnown =
    "$scrypt$ln=14,r=8,p=1$AAECAwQFBgcICQoLDA0ODw$UxYE/nON8zrmLNK5lL/j9XPtKMDZ5VR/h1tkExic5Zo";

TEST(Scrypt, MatchesRfc7914) {
  const auto derive = [](std::string_view password, std::string_view salt, ScryptParams params) {
    return to_hex(scrypt_derive(as_bytes(password), as_bytes(salt), params, 64).view());
  };
  EXPECT_EQ(derive("", "", {4, 1, 1}),
            "77d6576238657b203b19ca42c18a0497f16b4844e3074ae8dfdffa3fede21442"
            "fcd0069ded0948f8326a753a0fc81f17e8d3e0fb2e0d3628cf35e20c38d18906");
  EXPECT_EQ(derive("password", "NaCl", {10, 8, 16}),
            "fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b373162"
            "2eaf30d92e22a3886ff109279d9830dac727afb94a83ee6d8360cbdfa2cc0640");
  EXPECT_EQ(derive("pleaseletmein", "SodiumChloride", {14, 8, 1}),
            "7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2"
            "d5432955613f0fcf62d49705242a9af9e61e85dc0d651e40dfcf017b45575887");
}

TEST(Scrypt, MatchesTheGibibyteVectorOfRfc7914) {
  EXPECT_EQ(to_hex(scrypt_derive(as_bytes("pleaseletmein"), as_bytes("SodiumChloride"), {20, 8, 1}, 64).view()),
            "2101cb9b6a511aaeaddbbe09cf70f881ec568d574a2ffd4dabe5ee9820adaa47"
            "8e56fd8f4ba5d09ffa1c6d927c40f4c337304049e8a952fbcbf45c6fa77a41a4");
}

TEST(Scrypt, TheDefaultCostRuns) {
  EXPECT_EQ(ScryptParams(), (ScryptParams{16, 8, 2}));
  EXPECT_EQ(scrypt_memory({}), 128U * 8 * ((1U << 16) + 2 + 2));
  EXPECT_EQ(scrypt_derive(as_bytes("password"), as_bytes("salt"), {}, 32).size(), 32U);
}

TEST(Scrypt, WritesAndReadsPhcStrings) {
  const std::string phc = scrypt_hash("correct horse", kQuick);
  EXPECT_TRUE(phc.starts_with("$scrypt$ln=4,r=8,p=1$"));
  EXPECT_EQ(phc.size(), std::string_view("$scrypt$ln=4,r=8,p=1$").size() + 22 + 1 + 43);
  EXPECT_NE(phc, scrypt_hash("correct horse", kQuick));
  EXPECT_EQ(scrypt_verify("correct horse", phc), PasswordCheck::match);
  EXPECT_EQ(scrypt_verify("correct horsf", phc), PasswordCheck::mismatch);
  EXPECT_EQ(scrypt_verify("", phc), PasswordCheck::mismatch);
  EXPECT_EQ(scrypt_verify("correct horse ", phc), PasswordCheck::mismatch);
}

TEST(Scrypt, VerifiesAForeignString) {
  EXPECT_EQ(scrypt_verify("pleaseletmein", kKnown), PasswordCheck::match);
  EXPECT_EQ(scrypt_verify("pleaseletmeim", kKnown), PasswordCheck::mismatch);
}

TEST(Scrypt, NoticesEveryChangedCharacterOfSaltAndHash) {
  const std::string phc = scrypt_hash("secret", kQuick);
  const auto begin = phc.rfind('$', phc.rfind('$') - 1) + 1;
  for (std::size_t i = begin; i < phc.size(); ++i) {
    if (phc[i] == '$') continue;
    std::string changed = phc;
    changed[i] = changed[i] == 'B' ? 'C' : 'B';
    EXPECT_NE(scrypt_verify("secret", changed), PasswordCheck::match) << changed;
  }
}

TEST(Scrypt, RefusesStringsThatItDoesNotWrite) {
  const std::string salt = "AAECAwQFBgcICQoLDA0ODw";
  const std::string hash = "UxYE/nON8zrmLNK5lL/j9XPtKMDZ5VR/h1tkExic5Zo";
  const std::string cases[] = {
      "",
      "$",
      "secret",
      "$scrypt$",
      "$scrypt$ln=4,r=8,p=1",
      "$scrypt$ln=4,r=8,p=1$",
      "$scrypt$ln=4,r=8,p=1$" + salt,
      "$scrypt$ln=4,r=8,p=1$" + salt + "$",
      "$scrypt$ln=4,r=8,p=1$" + salt + "$" + hash + "$",
      "$scrypt$ln=4,r=8,p=1$" + salt + "$" + hash + "=",
      "$scrypt$ln=4,r=8,p=1$" + salt + "==$" + hash,
      "$scrypt$ln=4,r=8,p=1$" + salt.substr(1) + "$" + hash,
      "$scrypt$ln=4,r=8,p=1$" + salt + "$" + hash.substr(1),
      "$scrypt$ln=4,r=8,p=1$" + salt + "$" + salt,
      "$scrypt$ln=4,r=8$" + salt + "$" + hash,
      "$scrypt$r=8,ln=4,p=1$" + salt + "$" + hash,
      "$scrypt$ln=04,r=8,p=1$" + salt + "$" + hash,
      "$scrypt$ln=+4,r=8,p=1$" + salt + "$" + hash,
      "$scrypt$ln=-4,r=8,p=1$" + salt + "$" + hash,
      "$scrypt$ln= 4,r=8,p=1$" + salt + "$" + hash,
      "$scrypt$ln=0,r=8,p=1$" + salt + "$" + hash,
      "$scrypt$ln=21,r=8,p=1$" + salt + "$" + hash,
      "$scrypt$ln=99999999999999999999,r=8,p=1$" + salt + "$" + hash,
      "$scrypt$ln=4,r=33,p=1$" + salt + "$" + hash,
      "$scrypt$ln=4,r=8,p=17$" + salt + "$" + hash,
      "$scrypt$ln=20,r=9,p=1$" + salt + "$" + hash,
      "$scrypt$ln=20,r=8,p=5$" + salt + "$" + hash,
      "$scrypt$ln=4,r=8,p=1,x=1$" + salt + "$" + hash,
      " $scrypt$ln=4,r=8,p=1$" + salt + "$" + hash,
      "$SCRYPT$ln=4,r=8,p=1$" + salt + "$" + hash,
      "$argon2id$v=19$m=65536,t=2,p=1$" + salt + "$" + hash,
  };
  for (const auto& phc : cases) {
    EXPECT_EQ(scrypt_verify("secret", phc), PasswordCheck::malformed) << phc;
    EXPECT_TRUE(scrypt_needs_rehash(phc, kQuick)) << phc;
  }
  EXPECT_EQ(scrypt_verify("secret", "$scrypt$ln=4,r=8,p=1$" + salt + "$" + hash), PasswordCheck::mismatch);
}

TEST(Scrypt, WantsANewHashWhenParametersDiffer) {
  const std::string phc = scrypt_hash("secret", kQuick);
  EXPECT_FALSE(scrypt_needs_rehash(phc, kQuick));
  EXPECT_TRUE(scrypt_needs_rehash(phc, {5, 8, 1}));
  EXPECT_TRUE(scrypt_needs_rehash(phc, {4, 9, 1}));
  EXPECT_TRUE(scrypt_needs_rehash(phc, {4, 8, 2}));
}

TEST(Scrypt, RefusesParametersOutOfRange) {
  for (const ScryptParams& params : {ScryptParams{0, 8, 1},
                                     {21, 8, 1},
                                     {4, 0, 1},
                                     {4, 33, 1},
                                     {4, 8, 0},
                                     {4, 8, 17},
                                     {20, 16, 1},
                                     {20, 8, 8},
                                     {-1, 8, 1},
                                     {4, -8, 1},
                                     {4, 8, -1}}) {
    EXPECT_FALSE(scrypt_params_valid(params));
    EXPECT_THROW(scrypt_hash("secret", params), CryptoError);
  }
}

}  // namespace
}  // namespace factory::crypto
