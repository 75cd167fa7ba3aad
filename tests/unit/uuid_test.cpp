#include "core/uuid.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <set>
#include <vector>

namespace factory::core {
namespace {

TEST(Uuid, ReadsTheCanonicalFormOnly) {
  const std::string text = "019a3b4c-5d6e-7f80-9123-456789abcdef";
  const auto uuid = parse_uuid(text);
  ASSERT_TRUE(uuid);
  EXPECT_EQ((*uuid)[0], 0x01);
  EXPECT_EQ((*uuid)[15], 0xef);
  EXPECT_EQ(format_uuid(*uuid), text);
  EXPECT_EQ(parse_uuid("019A3B4C-5D6E-7F80-9123-456789ABCDEF"), uuid);
  EXPECT_EQ(format_uuid(Uuid{}), "00000000-0000-0000-0000-000000000000");

  for (const std::string& bad :
       {std::string(), text.substr(1), text + "0", "{" + text + "}", "urn:uuid:" + text, " " + text.substr(1),
        text.substr(0, 35) + " ", text.substr(0, 35) + "g", std::string("019a3b4c5d6e7f809123456789abcdef"),
        std::string("019a3b4c-5d6e-7f80-9123456789abcdef-"), std::string("019a3b4-c5d6e-7f80-9123-456789abcdef"),
        std::string("019a3b4c_5d6e_7f80_9123_456789abcdef"), text.substr(0, 35) + '\0'}) {
    EXPECT_FALSE(parse_uuid(bad)) << bad;
  }
}

TEST(Uuid7, LooksLikeRfc9562) {
  Uuid7Generator generator;
  const std::array<std::uint8_t, 10> random{0xfd, 0xa3, 0xff, 2, 3, 4, 5, 6, 7, 8};
  // The time of the example in RFC 9562 A.6.
  const Uuid uuid = generator.next(0x017F22E279B0, random);
  EXPECT_EQ(format_uuid(uuid), "017f22e2-79b0-75a3-bf02-030405060708");
}

TEST(Uuid7, OnlyGrows) {
  Uuid7Generator generator;
  std::array<std::uint8_t, 10> random;
  random.fill(0xff);
  std::int64_t now = 1'800'000'000'000;
  Uuid former = generator.next(now, random);
  // Far more than a millisecond has room for, then a clock that goes back two hours, then one that goes on.
  for (int i = 0; i < 20'000; ++i) {
    if (i == 10'000) now -= 7'200'000;
    if (i == 15'000) now += 7'300'000;
    const Uuid next = generator.next(now, random);
    ASSERT_LT(former, next) << i;
    ASSERT_EQ(next[6] >> 4, 7);
    ASSERT_EQ(next[8] >> 6, 2);
    former = next;
  }
}

TEST(Uuid7, IsRandomBehindTimeAndCounter) {
  std::set<std::vector<std::uint8_t>> tails;
  for (int i = 0; i < 10'000; ++i) {
    const Uuid next = uuid7();
    tails.emplace(next.begin() + 8, next.end());
  }
  EXPECT_EQ(tails.size(), 10'000U);
}

TEST(Uuid7, AChildProcessGoesItsOwnWay) {
  uuid7();
  int channel[2];
  ASSERT_EQ(pipe(channel), 0);
  const pid_t child = fork();
  if (child == 0) {
    const Uuid made = uuid7();
    _exit(write(channel[1], made.data(), made.size()) == std::ssize(made) ? 0 : 1);
  }
  const Uuid ours = uuid7();
  Uuid theirs{};
  EXPECT_EQ(read(channel[0], theirs.data(), theirs.size()), std::ssize(theirs));
  int status = 1;
  waitpid(child, &status, 0);
  close(channel[0]);
  close(channel[1]);
  EXPECT_EQ(status, 0);
  EXPECT_FALSE(std::equal(ours.begin() + 8, ours.end(), theirs.begin() + 8));
}

TEST(Uuid7, HoldsTheWallClockAndNeverRepeats) {
  const auto clock_ms = [] {
    return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch())
        .count();
  };
  const auto before = clock_ms();
  std::set<Uuid> seen;
  Uuid last{};
  for (int i = 0; i < 10'000; ++i) {
    const Uuid next = uuid7();
    EXPECT_LT(last, next);
    seen.insert(last = next);
  }
  EXPECT_EQ(seen.size(), 10'000U);
  std::int64_t stamp = 0;
  for (int i = 0; i < 6; ++i) stamp = stamp << 8 | (*seen.begin())[static_cast<std::size_t>(i)];
  EXPECT_GE(stamp, before);
  EXPECT_LE(stamp, clock_ms());
}

}  // namespace
}  // namespace factory::core
