#include "crypto/bytes.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <new>
#include <type_traits>
#include <utility>

namespace {

// What stood in the watched block of 16 bytes when it was given back.
void* watched = nullptr;
std::array<char, 16> last_content;

}  // namespace

// Arrays go through these in the whole program, so that a test can look at memory in the moment of its release.
void* operator new[](std::size_t size) {
  if (void* const block = std::malloc(size == 0 ? 1 : size)) return block;
  throw std::bad_alloc();
}

void* operator new[](std::size_t size, const std::nothrow_t&) noexcept { return std::malloc(size == 0 ? 1 : size); }

void operator delete[](void* block) noexcept {
  if (block != nullptr && block == watched) std::memcpy(last_content.data(), block, last_content.size());
  std::free(block);
}

void operator delete[](void* block, std::size_t) noexcept { operator delete[](block); }
void operator delete[](void* block, const std::nothrow_t&) noexcept { operator delete[](block); }

namespace factory::crypto {
namespace {

constexpr std::string_view kSixteen = "0123456789abcdef";

TEST(Secret, CannotBeCopied) {
  static_assert(!std::is_copy_constructible_v<Secret> && !std::is_copy_assignable_v<Secret>);
  static_assert(std::is_nothrow_move_constructible_v<Secret> && std::is_nothrow_move_assignable_v<Secret>);
}

TEST(Secret, HoldsACopyOfTheBytes) {
  Bytes source{1, 2, 3};
  const Secret secret(source);
  source[0] = 9;
  EXPECT_EQ(Bytes(secret.view().begin(), secret.view().end()), (Bytes{1, 2, 3}));
  EXPECT_EQ(Secret(4).view()[3], 0);
}

TEST(Secret, MovingLeavesNothingBehind) {
  Secret first(as_bytes("key"));
  Secret second(std::move(first));
  EXPECT_TRUE(first.empty());
  EXPECT_EQ(as_text(second.view()), "key");
  Secret third(as_bytes("other"));
  third = std::move(second);
  EXPECT_TRUE(second.empty());
  EXPECT_EQ(as_text(third.view()), "key");
}

TEST(Secret, IsWipedBeforeItsMemoryIsGivenBack) {
  {
    Secret secret(as_bytes(kSixteen));
    watched = secret.data();
    last_content.fill('?');
  }
  watched = nullptr;
  EXPECT_EQ(last_content, (std::array<char, 16>{}));
}

TEST(Secret, IsWipedWhenAnotherTakesItsPlace) {
  Secret secret(as_bytes(kSixteen));
  watched = secret.data();
  last_content.fill('?');
  secret = Secret(as_bytes("next"));
  watched = nullptr;
  EXPECT_EQ(last_content, (std::array<char, 16>{}));
}

TEST(Bytes, TextAndBytesShareMemory) {
  const std::string_view text("a\0b", 3);
  EXPECT_EQ(as_bytes(text).size(), 3U);
  EXPECT_EQ(as_text(as_bytes(text)).data(), text.data());
}

}  // namespace
}  // namespace factory::crypto
