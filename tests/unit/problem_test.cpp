#include "core/problem.hpp"

#include <gtest/gtest.h>

#include <set>
#include <stdexcept>

namespace factory::core {
namespace {

TEST(ProblemCatalogue, HasEveryRowWholeAndOnce) {
  std::set<std::string_view> codes;
  for (const auto& kind : problem_catalogue()) {
    EXPECT_TRUE(codes.insert(kind.code).second) << kind.code;
    EXPECT_EQ(find_problem(kind.code), &kind);
    EXPECT_GE(kind.status, 400) << kind.code;
    EXPECT_LE(kind.status, 599) << kind.code;
    EXPECT_EQ(std::string_view(kind.sqlstate).size(), 5U) << kind.code;
    EXPECT_FALSE(std::string_view(kind.title).empty()) << kind.code;
    EXPECT_TRUE(std::string_view(kind.hint).ends_with('.')) << kind.code;
    // PT and a status, which PostgREST reads as that status, must name the row's own.
    const std::string_view state = kind.sqlstate;
    EXPECT_TRUE(!state.starts_with("PT") || state.substr(2) == std::to_string(kind.status)) << kind.code;
  }
  EXPECT_GE(codes.size(), 50U);
}

TEST(ProblemCatalogue, KnowsOnlyItsOwnCodes) {
  EXPECT_EQ(find_problem("not_found")->status, 404);
  EXPECT_STREQ(find_problem("forbidden")->sqlstate, "42501");
  for (const char* code : {"", "not_foun", "not_found ", "NOT_FOUND", "code"}) EXPECT_EQ(find_problem(code), nullptr);
}

TEST(Problem, CarriesWhatItWasGiven) {
  const Problem problem("validation_failed", "two values are wrong", {{"#/email", "invalid", "no address"}});
  EXPECT_EQ(problem.kind().status, 422);
  EXPECT_STREQ(problem.what(), "two values are wrong");
  ASSERT_EQ(problem.errors().size(), 1U);
  EXPECT_EQ(problem.errors()[0].pointer, "#/email");
  EXPECT_TRUE(problem.members().empty());
}

TEST(Problem, KeepsItsMembersWhenThrown) {
  try {
    throw Problem("tenant_required").with("tenants", "[]").with("count", "0");
  } catch (const std::exception& caught) {
    const auto& problem = dynamic_cast<const Problem&>(caught);
    EXPECT_STREQ(problem.what(), "this call needs a workspace");
    ASSERT_EQ(problem.members().size(), 2U);
    EXPECT_EQ(problem.members()[0], (std::pair<std::string, std::string>("tenants", "[]")));
  }
}

TEST(Problem, RefusesUnknownCodes) { EXPECT_THROW(Problem("no_such_code"), std::logic_error); }

}  // namespace
}  // namespace factory::core
