// Workspaces and the people in them.
#include "api/audit_log.hpp"
#include "api/context.hpp"
#include "api/fields.hpp"
#include "api/grants.hpp"
#include "core/json_writer.hpp"
#include "core/slug.hpp"

extern "C" {
#include "catalog/pg_type.h"
}

namespace factory::api {

using core::Problem;
using core::Uuid;
using pg::Value;

namespace {

struct TenantRow {
  Uuid id{};
  std::string slug, name, status;
  TimestampTz created_at = 0;
  std::int64_t version = 0;
};

TenantRow tenant_row(const pg::Rows& rows) {
  return {rows.uuid(0, 1), rows.text(0, 2), rows.text(0, 3), rows.text(0, 4), rows.timestamp(0, 5), rows.bigint(0, 6)};
}

Datum tenant_result(FunctionCallInfo fcinfo, const TenantRow& row) {
  return pg::row_result(fcinfo,
                        {Value::uuid(row.id), Value::text(row.slug), Value::text(row.name), Value::text(row.status),
                         Value::timestamp(row.created_at), Value::bigint(row.version)});
}

void check_slug(Fields& fields, const std::string& slug) {
  if (!core::valid_slug(slug))
    fields.complain("slug", "invalid_value", "it must be 3 to 48 of a-z, 0-9 and -, not beginning or ending with -");
  else if (core::reserved_slug(slug))
    fields.complain("slug", "reserved", "this slug is kept for the platform");
}

Problem slug_taken() { return Problem("slug_taken", {}, {{"#/slug", "taken", "another workspace has it"}}); }

// Tries a slug; the unique key decides between callers that race for it.
bool insert_tenant(const Uuid& id, const std::string& slug, const std::string& name, const Uuid& creator) {
  static pg::Statement statement(
      "INSERT INTO factory.tenant_records (id, slug, name, created_by) VALUES ($1, $2, $3, $4)"
      " ON CONFLICT (slug) DO NOTHING RETURNING id");
  return !statement.run({Value::uuid(id), Value::text(slug), Value::text(name), Value::uuid(creator)}).empty();
}

std::string insert_with_derived_slug(const Uuid& id, const std::string& name, const Uuid& creator) {
  const std::string base = core::derive_slug(name);
  constexpr int plain_tries = 9;
  for (int n = 1; n <= plain_tries; ++n) {
    const std::string slug = n == 1 ? base : core::numbered_slug(base, n);
    if (insert_tenant(id, slug, name, creator)) return slug;
  }
  // A popular name: the tail of the id is unique enough at once.
  for (int n = 0;; ++n) {
    const std::string slug = core::numbered_slug(base, 10000 + (id[14] << 8 | id[15]) + n);
    if (insert_tenant(id, slug, name, creator)) return slug;
    pg::call([] { CHECK_FOR_INTERRUPTS(); });
  }
}

struct MemberRow {
  std::string email, name, role;
  TimestampTz joined_at = 0;
  std::int64_t version = 0;
};

// The membership, locked until the transaction ends: decisions on it are made one after another.
MemberRow lock_member(const Uuid& tenant, const Uuid& user) {
  static pg::Statement statement(
      "SELECT u.email, u.name, m.role, m.joined_at, m.version FROM factory.memberships m JOIN factory.users u ON u.id "
      "= m.user_id"
      " WHERE m.tenant_id = $1 AND m.user_id = $2 FOR UPDATE OF m");
  const pg::Rows rows = statement.run({Value::uuid(tenant), Value::uuid(user)});
  if (rows.empty()) throw Problem("not_found");
  return {rows.text(0, 1), rows.text(0, 2), rows.text(0, 3), rows.timestamp(0, 4), rows.bigint(0, 5)};
}

const core::Role& own_role() {
  const core::Role* role = core::find_role(context::current()->role);
  if (role == nullptr) throw Problem("forbidden");
  return *role;
}

void check_may_manage(const std::string& target_role) {
  const core::Role* target = core::find_role(target_role);
  if (target == nullptr || !core::may_manage(own_role(), *target))
    throw Problem("forbidden", "this member's role is above yours");
}

}  // namespace

// The role as sent, when the caller may hand it out.
const core::Role& grantable_role(const std::string& name) {
  const core::Role* role = core::find_role(name);
  if (role == nullptr) {
    Fields fields;
    fields.complain("role", "invalid_value", "it must be owner, admin, staff or viewer");
    fields.check();
  }
  if (!core::may_manage(own_role(), *role) || !core::may_grant(context::current()->capabilities, role->capabilities))
    throw Problem("forbidden", "you cannot grant a role that can do more than yours");
  return *role;
}

FACTORY_FUNCTION(factory_create_tenant) {
  Fields fields;
  const std::string name = fields.name("name", pg::text_argument(fcinfo, 0, "name"));
  const std::optional<std::string> wanted = pg::optional_text(fcinfo, 1);
  if (wanted) check_slug(fields, *wanted);
  fields.check();
  const Uuid user = context::current()->user;
  TenantRow row{core::uuid7(), {}, name, "active", GetCurrentTransactionStartTimestamp(), 1};
  const pg::Connection connection;
  if (!wanted)
    row.slug = insert_with_derived_slug(row.id, name, user);
  else if (insert_tenant(row.id, *wanted, name, user))
    row.slug = *wanted;
  else
    throw slug_taken();
  static pg::Statement member("INSERT INTO factory.memberships (tenant_id, user_id, role) VALUES ($1, $2, 'owner')");
  static pg::Statement directory(
      "INSERT INTO factory.user_tenants (user_id, tenant_id, role) VALUES ($2, $1, 'owner')");
  {
    const context::TenantScope scope(row.id);
    member.run({Value::uuid(row.id), Value::uuid(user)});
  }
  directory.run({Value::uuid(row.id), Value::uuid(user)});
  audit::Event event;
  event.action = declarations::action_of(fcinfo);
  event.tenant = row.id;
  event.target_type = "tenant";
  event.target_id = core::format_uuid(row.id);
  event.after =
      audit::after_of({{"slug", "null", core::json_string(row.slug)}, {"name", "null", core::json_string(row.name)}});
  audit::record(event);
  return tenant_result(fcinfo, row);
}

FACTORY_FUNCTION(factory_update_tenant) {
  Fields fields;
  std::optional<std::string> name = pg::optional_text(fcinfo, 0);
  if (name) name = fields.name("name", *name);
  const std::optional<std::string> slug = pg::optional_text(fcinfo, 1);
  if (slug) check_slug(fields, *slug);
  fields.check();
  const std::optional<std::int64_t> expected = pg::optional_bigint(fcinfo, 2);
  const Uuid tenant = context::current()->tenant;
  const pg::Connection connection;
  static pg::Statement lock(
      "SELECT id, slug, name, status, created_at, version FROM factory.tenant_records WHERE id = $1 FOR NO KEY UPDATE");
  const TenantRow before = tenant_row(lock.run({Value::uuid(tenant)}));
  if (expected && *expected != before.version) throw Problem("precondition_failed");
  const std::string new_name = name.value_or(before.name), new_slug = slug.value_or(before.slug);
  if (new_name == before.name && new_slug == before.slug) return tenant_result(fcinfo, before);
  static pg::Statement update(
      "UPDATE factory.tenant_records SET name = $2, slug = $3, version = version + 1 WHERE id = $1"
      " RETURNING id, slug, name, status, created_at, version");
  const TenantRow after = [&] {
    try {
      return tenant_row(update.run({Value::uuid(tenant), Value::text(new_name), Value::text(new_slug)}));
    } catch (const pg::PostgresError& error) {
      if (error.sqlstate() == "23505") throw slug_taken();
      throw;
    }
  }();
  const std::vector<audit::FieldChange> changes = {
      {"name", core::json_string(before.name), core::json_string(after.name)},
      {"slug", core::json_string(before.slug), core::json_string(after.slug)}};
  audit::Event event;
  event.action = declarations::action_of(fcinfo);
  event.tenant = tenant;
  event.target_type = "tenant";
  event.target_id = core::format_uuid(tenant);
  event.before = audit::before_of(changes);
  event.after = audit::after_of(changes);
  audit::record(event);
  return tenant_result(fcinfo, after);
}

FACTORY_FUNCTION(factory_update_member) {
  const Uuid user = pg::uuid_argument(fcinfo, 0, "user_id");
  const std::string role_text = pg::text_argument(fcinfo, 1, "role");
  const std::optional<std::int64_t> expected = pg::optional_bigint(fcinfo, 2);
  const Uuid tenant = context::current()->tenant;
  const pg::Connection connection;
  const MemberRow before = lock_member(tenant, user);
  check_may_manage(before.role);
  const core::Role& role = grantable_role(role_text);
  if (expected && *expected != before.version) throw Problem("precondition_failed");
  std::int64_t version = before.version;
  if (before.role != role.name) {
    static pg::Statement update(
        "UPDATE factory.memberships SET role = $3, version = version + 1 WHERE tenant_id = $1 AND user_id = $2 "
        "RETURNING version");
    static pg::Statement directory("UPDATE factory.user_tenants SET role = $3 WHERE tenant_id = $1 AND user_id = $2");
    version = update.run({Value::uuid(tenant), Value::uuid(user), Value::text(role.name)}).bigint(0, 1);
    directory.run({Value::uuid(tenant), Value::uuid(user), Value::text(role.name)});
    const std::vector<audit::FieldChange> changes = {
        {"role", core::json_string(before.role), core::json_string(role.name)}};
    audit::Event event;
    event.action = declarations::action_of(fcinfo);
    event.tenant = tenant;
    event.target_type = "user";
    event.target_id = core::format_uuid(user);
    event.before = audit::before_of(changes);
    event.after = audit::after_of(changes);
    audit::record(event);
  }
  return pg::row_result(fcinfo, {Value::uuid(user), Value::text(before.email), Value::text(before.name),
                                 Value::text(role.name), Value::timestamp(before.joined_at), Value::bigint(version)});
}

FACTORY_FUNCTION(factory_remove_member) {
  const Uuid user = pg::uuid_argument(fcinfo, 0, "user_id");
  const Uuid tenant = context::current()->tenant;
  const pg::Connection connection;
  const MemberRow before = lock_member(tenant, user);
  check_may_manage(before.role);
  static pg::Statement remove("DELETE FROM factory.memberships WHERE tenant_id = $1 AND user_id = $2");
  static pg::Statement directory("DELETE FROM factory.user_tenants WHERE tenant_id = $1 AND user_id = $2");
  remove.run({Value::uuid(tenant), Value::uuid(user)});
  directory.run({Value::uuid(tenant), Value::uuid(user)});
  audit::Event event;
  event.action = declarations::action_of(fcinfo);
  event.tenant = tenant;
  event.target_type = "user";
  event.target_id = core::format_uuid(user);
  event.before = audit::before_of({{"role", core::json_string(before.role), "null"}});
  audit::record(event);
  return Datum(0);
}

// Deferred, so that an owner can be swapped within a transaction. The workspace's row is the lock that makes two owners
// who leave at once see each other; the count ignores the transaction's snapshot, which may be older than that lock.
FACTORY_FUNCTION(factory_keep_last_owner) {
  if (!CALLED_AS_TRIGGER(fcinfo)) throw Problem("not_in_this_context", "this is a trigger function");
  const auto* trigger = reinterpret_cast<const TriggerData*>(fcinfo->context);
  const TupleDesc descriptor = RelationGetDescr(trigger->tg_relation);
  const HeapTuple old_row = trigger->tg_trigtuple;
  bool null;
  const int tenant_column = pg::call([descriptor] { return SPI_fnumber(descriptor, "tenant_id"); });
  const int role_column = pg::call([descriptor] { return SPI_fnumber(descriptor, "role"); });
  const Uuid tenant = pg::to_uuid(heap_getattr(old_row, tenant_column, descriptor, &null));
  if (pg::to_text(heap_getattr(old_row, role_column, descriptor, &null)) != "owner") return Datum(0);
  const context::TenantScope scope(tenant);
  const pg::Connection connection;
  static pg::Statement lock(
      "SELECT 1 FROM factory.tenant_records WHERE id = $1 AND status = 'active' FOR NO KEY UPDATE");
  if (lock.run({Value::uuid(tenant)}).empty()) return Datum(0);
  static pg::Statement owners("SELECT 1 FROM factory.memberships WHERE tenant_id = $1 AND role = 'owner' LIMIT 1");
  if (owners.run_latest({Value::uuid(tenant)}).empty()) throw Problem("last_owner");
  return Datum(0);
}

FACTORY_FUNCTION(factory_role_capabilities) {
  const std::string name = pg::text_argument(fcinfo, 0, "role");
  const core::Role* role = core::find_role(name);
  const core::CapabilitySet set = role == nullptr ? 0 : role->capabilities;
  return pg::call([set] {
    Datum names[core::kCapabilityCount];
    int count = 0;
    for (std::size_t i = 0; i < core::kCapabilityCount; ++i)
      if (set >> i & 1) names[count++] = CStringGetTextDatum(core::capability_names()[i]);
    return PointerGetDatum(construct_array(names, count, TEXTOID, -1, false, TYPALIGN_INT));
  });
}

}  // namespace factory::api
