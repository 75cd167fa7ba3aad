#include "core/cron_schedule.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <string>

namespace {

using factory::core::CronSchedule;

std::int64_t at(int year, unsigned month, unsigned day, int hour = 0, int minute = 0, int second = 0) {
  using namespace std::chrono;
  const sys_days date = std::chrono::year(year) / std::chrono::month(month) / std::chrono::day(day);
  return sys_seconds(date + hours(hour) + minutes(minute) + seconds(second)).time_since_epoch().count();
}

// The time before at which the schedule fired, and the one before that.
std::int64_t fired(const std::string& schedule, std::int64_t now) {
  return CronSchedule::parse(schedule).value().previous(now).value();
}

TEST(CronSchedule, FindsTheMinuteBefore) {
  const std::int64_t now = at(2026, 11, 25, 10, 20, 30);  // a Wednesday
  EXPECT_EQ(fired("* * * * *", now), at(2026, 11, 25, 10, 20));
  EXPECT_EQ(fired("20 10 * * *", now), at(2026, 11, 25, 10, 20));
  EXPECT_EQ(fired("21 10 * * *", now), at(2026, 11, 24, 10, 21));
  EXPECT_EQ(fired("*/15 * * * *", now), at(2026, 11, 25, 10, 15));
  EXPECT_EQ(fired("5-50/15 * * * *", now), at(2026, 11, 25, 10, 20));
  EXPECT_EQ(fired("0,30 9 * * *", now), at(2026, 11, 25, 9, 30));
  EXPECT_EQ(fired("0 0 1 * *", now), at(2026, 11, 1));
  EXPECT_EQ(fired("0 0 1 1 *", now), at(2026, 1, 1));
  EXPECT_EQ(fired("0 0 29 2 *", now), at(2024, 2, 29));
  EXPECT_EQ(fired("59 23 31 12 *", at(2026, 1, 1)), at(2025, 12, 31, 23, 59));
}

TEST(CronSchedule, KnowsTheDaysOfTheWeek) {
  const std::int64_t now = at(2026, 11, 25, 10, 20);
  EXPECT_EQ(fired("0 3 * * 0", now), at(2026, 11, 22, 3));
  EXPECT_EQ(fired("0 3 * * 7", now), at(2026, 11, 22, 3));
  EXPECT_EQ(fired("0 3 * * 1-5", now), at(2026, 11, 25, 3));
  EXPECT_EQ(fired("0 3 13 * 1", now), at(2026, 11, 23, 3)) << "one of two restricted days is enough";
  EXPECT_EQ(fired("0 3 24 * 0", now), at(2026, 11, 24, 3));
  EXPECT_EQ(fired("0 3 */2 * 1", now), at(2026, 11, 23, 3)) << "a day that begins with * does not count as restricted";
}

TEST(CronSchedule, GoesBackThroughItsOwnTimes) {
  const CronSchedule schedule = CronSchedule::parse("7 */6 * * *").value();
  std::int64_t time = at(2026, 3, 1, 0, 7);
  for (const std::int64_t before : {at(2026, 2, 28, 18, 7), at(2026, 2, 28, 12, 7), at(2026, 2, 28, 6, 7)}) {
    time = schedule.previous(time - 1).value();
    EXPECT_EQ(time, before);
  }
  EXPECT_EQ(schedule.previous(-1).value(), at(1969, 12, 31, 18, 7));
}

TEST(CronSchedule, SaysWhereItNeverFires) {
  EXPECT_FALSE(CronSchedule::parse("0 0 30 2 *").value().previous(at(2026, 1, 1)));
}

TEST(CronSchedule, RefusesWhatIsNone) {
  for (const char* text : {"",
                           " ",
                           "*",
                           "* * * *",
                           "* * * * * *",
                           "* * * * *  ",
                           " * * * * *",
                           "*  * * * *",
                           "60 * * * *",
                           "* 24 * * *",
                           "* * 0 * *",
                           "* * 32 * *",
                           "* * * 0 *",
                           "* * * 13 *",
                           "* * * * 8",
                           "-1 * * * *",
                           "+1 * * * *",
                           "1- * * * *",
                           "5-1 * * * *",
                           "*/0 * * * *",
                           "*/ * * * *",
                           "1/2 * * * *",
                           "1,,2 * * * *",
                           "1, * * * *",
                           ",1 * * * *",
                           "a * * * *",
                           "* * * jan *",
                           "@hourly",
                           "30 seconds",
                           "1.5 * * * *",
                           "001 * * * *",
                           "**  * * * *",
                           "*-5 * * * *"})
    EXPECT_FALSE(CronSchedule::parse(text)) << text;
}

}  // namespace
