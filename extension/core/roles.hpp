#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace factory::core {

/// What a member may do; the order is that of the matrix and of the bits.
enum class Capability : std::uint8_t {
  workspace_view,
  workspace_manage,
  workspace_delete,
  members_manage,
  modules_manage,
  connectors_manage,
  api_keys_manage,
  records_write,
  ai_use,
  publish_manage,
  billing_manage,
  audit_view,
  data_export,
  compliance_manage,
};

inline constexpr std::size_t kCapabilityCount = 14;

using CapabilitySet = std::uint32_t;

constexpr CapabilitySet bit(Capability capability) { return CapabilitySet{1} << static_cast<unsigned>(capability); }
constexpr bool has(CapabilitySet set, Capability capability) { return (set & bit(capability)) != 0; }

/// The names in the order of the enumeration, such as "members.manage".
std::span<const char* const> capability_names();
const char* capability_name(Capability capability);
/// The capability of a name, exactly as written.
std::optional<Capability> find_capability(std::string_view name);

struct Role {
  const char* name;
  int rank;
  CapabilitySet capabilities;
};

/// owner, admin, staff, viewer: highest rank first.
std::span<const Role> built_in_roles();
/// The role of a name, or nullptr.
const Role* find_role(std::string_view name);

/// Whether `actor` may invite, change or remove somebody who has, or is to get, `target`: needs members.manage and
/// never reaches above the actor's own rank, so only owners touch owners.
bool may_manage(const Role& actor, const Role& target);

/// Whether everything in `granted` is held by who grants it.
constexpr bool may_grant(CapabilitySet actor, CapabilitySet granted) { return (granted & ~actor) == 0; }

}  // namespace factory::core
