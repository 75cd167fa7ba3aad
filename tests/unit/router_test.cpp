#include "core/router.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>

namespace factory::core {
namespace {

using Segments = std::vector<std::string>;

class RouterTest : public testing::Test {
 protected:
  bool add(const char* method, const char* path, const char* target) {
    return router_.add(method, *PathTemplate::parse(path), target);
  }

  // What a request finds: the target and its captures, or the allowed methods.
  std::string find(const char* method, const Segments& segments) const {
    const auto match = router_.find(method, segments);
    std::string text = match.target ? *match.target : "none";
    for (const auto& [name, value] : match.captures) text.append(" ").append(name).append("=").append(value);
    for (const auto& allowed : match.allowed) text.append(" ").append(allowed);
    return text;
  }

  Router<std::string> router_;
};

TEST_F(RouterTest, FindsByMethodAndPath) {
  EXPECT_TRUE(add("GET", "/v1/members", "list"));
  EXPECT_TRUE(add("GET", "/v1/members/{user_id}", "show"));
  EXPECT_TRUE(add("PATCH", "/v1/members/{user_id}", "change"));
  EXPECT_TRUE(add("GET", "/", "root"));
  EXPECT_EQ(find("GET", {"v1", "members"}), "list");
  EXPECT_EQ(find("GET", {"v1", "members", "7"}), "show user_id=7");
  EXPECT_EQ(find("PATCH", {"v1", "members", "7"}), "change user_id=7");
  EXPECT_EQ(find("GET", {}), "root");
}

TEST_F(RouterTest, TellsUnknownPathsFromUnknownMethods) {
  add("GET", "/v1/members/{user_id}", "show");
  add("PATCH", "/v1/members/{user_id}", "change");
  EXPECT_EQ(find("DELETE", {"v1", "members", "7"}), "none GET PATCH");
  EXPECT_EQ(find("get", {"v1", "members", "7"}), "none GET PATCH");
  for (const Segments& segments : {Segments{}, Segments{"v1"}, Segments{"v1", "members"}, Segments{"v1", "members", ""},
                                   Segments{"v1", "members", "7", ""}, Segments{"v1", "members", "7", "x"},
                                   Segments{"V1", "members", "7"}, Segments{"", "v1"}}) {
    EXPECT_EQ(find("GET", segments), "none");
  }
}

TEST_F(RouterTest, PrefersLiteralsFromTheLeft) {
  add("GET", "/{a}/{b}", "both");
  add("GET", "/{a}/x", "second");
  add("GET", "/x/{b}", "first");
  EXPECT_EQ(find("GET", {"x", "x"}), "first b=x");
  EXPECT_EQ(find("GET", {"y", "x"}), "second a=y");
  EXPECT_EQ(find("GET", {"y", "y"}), "both a=y b=y");
}

TEST_F(RouterTest, GoesBackWhereALiteralLeadsNowhere) {
  add("GET", "/v1/members/me", "me");
  add("PATCH", "/v1/members/{user_id}", "change");
  add("GET", "/v1/{list}/{item}/x", "deep");
  EXPECT_EQ(find("PATCH", {"v1", "members", "me"}), "change user_id=me");
  EXPECT_EQ(find("GET", {"v1", "members", "me"}), "me");
  EXPECT_EQ(find("DELETE", {"v1", "members", "me"}), "none GET PATCH");
  EXPECT_EQ(find("GET", {"v1", "members", "me", "x"}), "deep list=members item=me");
}

TEST_F(RouterTest, RefusesTheSameShapeTwice) {
  EXPECT_TRUE(add("GET", "/v1/{a}", "first"));
  EXPECT_FALSE(add("GET", "/v1/{b}", "second"));
  EXPECT_TRUE(add("PUT", "/v1/{b}", "third"));
  EXPECT_EQ(find("GET", {"v1", "7"}), "first a=7");
  EXPECT_EQ(find("PUT", {"v1", "7"}), "third b=7");
}

TEST_F(RouterTest, TakesNoLongerWithManyRoutes) {
  // The best of several short rounds, so that a busy machine does not count.
  const auto best_seconds = [](int routes) {
    Router<int> router;
    for (int i = 0; i < routes; ++i) router.add("GET", *PathTemplate::parse("/v1/r" + std::to_string(i) + "/{id}"), i);
    const Segments segments{"v1", "r" + std::to_string(routes / 2), "7"};
    double best = 1e9;
    for (int round = 0; round < 20; ++round) {
      const auto begin = std::chrono::steady_clock::now();
      for (int i = 0; i < 200; ++i) EXPECT_NE(router.find("GET", segments).target, nullptr);
      best = std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
    }
    return best;
  };
  // A hundred times the routes would take a hundred times as long in a linear search.
  EXPECT_LT(best_seconds(10'000), 10 * best_seconds(100));
}

}  // namespace
}  // namespace factory::core
