#include "core/window_count.hpp"

#include <gtest/gtest.h>

namespace factory::core {
namespace {

constexpr std::int64_t second = 1'000'000;

TEST(WindowCount, CountsUntilItsWindowEndsAndBeginsAnew) {
  const std::int64_t start = 1000 * second, length = 900 * second;
  std::int64_t kept = 0;
  for (int n = 1; n <= 10; ++n) {
    WindowCount counter(kept, start + n);
    counter.add(start + n, length);
    EXPECT_EQ(counter.count(), n);
    kept = counter.kept();
  }
  EXPECT_LE(WindowCount(kept, start).left(start), length + 1);
  EXPECT_GE(WindowCount(kept, start).left(start), length - 2 * second);
  EXPECT_EQ(WindowCount(kept, start + length - 2 * second).count(), 10);
  EXPECT_EQ(WindowCount(kept, start + length + 1).count(), 0);
  EXPECT_EQ(WindowCount(kept, start + length + 1).left(start + length + 1), 0);
}

TEST(WindowCount, IsInThePastExactlyWhenItsWindowIs) {
  WindowCount counter(0, 5 * second);
  counter.add(5 * second, 60 * second);
  EXPECT_GT(counter.kept(), 63 * second);
  EXPECT_LE(counter.kept(), 65 * second + 1);
}

TEST(WindowCount, TakesBackToNothing) {
  WindowCount counter(0, 1);
  counter.add(1, second);
  counter.take_back();
  counter.take_back();
  EXPECT_EQ(counter.count(), 0);
  EXPECT_EQ(counter.kept(), 0);
}

TEST(WindowCount, StaysAtTheMost) {
  WindowCount counter((std::int64_t{1} << 40) | (WindowCount::most - 1), 1);
  counter.add(1, second);
  counter.add(1, second);
  EXPECT_EQ(counter.count(), WindowCount::most);
  EXPECT_EQ(WindowCount(counter.kept(), 1).count(), WindowCount::most);
}

TEST(WindowCount, IsOpenForTheShortestWindowToo) {
  WindowCount counter(0, 7 * second);
  counter.add(7 * second, 1);
  EXPECT_GT(counter.left(7 * second), 0);
}

TEST(WindowCount, LastsLongerWhenRestarted) {
  WindowCount counter(0, second);
  counter.add(second, 10 * second);
  counter.restart(8 * second, 10 * second);
  EXPECT_GE(counter.left(8 * second), 8 * second);
  EXPECT_LE(counter.left(8 * second), 10 * second);
  EXPECT_EQ(counter.count(), 1);
}

}  // namespace
}  // namespace factory::core
