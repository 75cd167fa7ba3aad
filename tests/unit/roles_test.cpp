#include "core/roles.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <set>
#include <string>

namespace factory::core {
namespace {

struct Row {
  const char* capability;
  const char* owner_admin_staff_viewer;
};

constexpr Row kMatrix[] = {{"workspace.view", "yyyy"},  {"workspace.manage", "yy--"}, {"workspace.delete", "y---"},
                           {"members.manage", "yy--"},  {"modules.manage", "yy--"},   {"connectors.manage", "yy--"},
                           {"api_keys.manage", "yy--"}, {"records.write", "yyy-"},    {"ai.use", "yyy-"},
                           {"publish.manage", "yy--"},  {"billing.manage", "y---"},   {"audit.view", "yy--"},
                           {"data.export", "yy--"},     {"compliance.manage", "yy--"}};

TEST(Roles, TheMatrixIsExactlyThis) {
  ASSERT_EQ(std::size(kMatrix), kCapabilityCount);
  ASSERT_EQ(capability_names().size(), kCapabilityCount);
  int cells = 0;
  for (std::size_t row = 0; row < kCapabilityCount; ++row) {
    EXPECT_STREQ(capability_names()[row], kMatrix[row].capability);
    const auto capability = static_cast<Capability>(row);
    EXPECT_EQ(find_capability(kMatrix[row].capability), capability);
    EXPECT_STREQ(capability_name(capability), kMatrix[row].capability);
    for (std::size_t column = 0; column < 4; ++column) {
      const Role& role = built_in_roles()[column];
      EXPECT_EQ(has(role.capabilities, capability), kMatrix[row].owner_admin_staff_viewer[column] == 'y')
          << role.name << ' ' << kMatrix[row].capability;
      ++cells;
    }
  }
  EXPECT_EQ(cells, 56);
}

TEST(Roles, TotalsAre14And12And3And1) {
  const std::pair<const char*, int> totals[] = {{"owner", 14}, {"admin", 12}, {"staff", 3}, {"viewer", 1}};
  ASSERT_EQ(built_in_roles().size(), 4U);
  for (const auto& [name, total] : totals) {
    ASSERT_NE(find_role(name), nullptr);
    EXPECT_EQ(std::popcount(find_role(name)->capabilities), total) << name;
  }
}

TEST(Roles, EveryRankHoldsWhatTheNextOneHolds) {
  for (std::size_t i = 1; i < built_in_roles().size(); ++i) {
    EXPECT_GT(built_in_roles()[i - 1].rank, built_in_roles()[i].rank);
    EXPECT_TRUE(may_grant(built_in_roles()[i - 1].capabilities, built_in_roles()[i].capabilities));
    EXPECT_FALSE(may_grant(built_in_roles()[i].capabilities, built_in_roles()[i - 1].capabilities));
  }
}

TEST(Roles, UnknownNamesAreUnknown) {
  for (const char* name : {"", "Owner", "owner ", "root", "platform_admin", "support"}) {
    EXPECT_EQ(find_role(name), nullptr) << name;
  }
  for (const char* name : {"", "workspace", "workspace.View", "workspace.view ", "*", "members.*"}) {
    EXPECT_FALSE(find_capability(name)) << name;
  }
}

TEST(Roles, OnlyOwnersTouchOwnersAndNobodyBelowAdminTouchesAnybody) {
  const std::set<std::string> allowed{"owner>owner", "owner>admin", "owner>staff", "owner>viewer",
                                      "admin>admin", "admin>staff", "admin>viewer"};
  for (const Role& actor : built_in_roles()) {
    for (const Role& target : built_in_roles()) {
      const std::string pair = std::string(actor.name) + '>' + target.name;
      EXPECT_EQ(may_manage(actor, target), allowed.contains(pair)) << pair;
    }
  }
}

TEST(Roles, NobodyGrantsWhatTheyLack) {
  const CapabilitySet mine = bit(Capability::workspace_view) | bit(Capability::records_write);
  EXPECT_TRUE(may_grant(mine, 0));
  EXPECT_TRUE(may_grant(mine, bit(Capability::records_write)));
  EXPECT_TRUE(may_grant(mine, mine));
  EXPECT_FALSE(may_grant(mine, mine | bit(Capability::billing_manage)));
  EXPECT_FALSE(may_grant(0, bit(Capability::workspace_view)));
}

}  // namespace
}  // namespace factory::core
