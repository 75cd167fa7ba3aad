// Invitations: made, withdrawn, accepted.
#include "api/audit_log.hpp"
#include "api/context.hpp"
#include "api/fields.hpp"
#include "api/grants.hpp"
#include "api/mail.hpp"
#include "api/quota_ledger.hpp"
#include "api/token_hash.hpp"
#include "core/email.hpp"
#include "core/json_writer.hpp"
#include "crypto/base62.hpp"
#include "crypto/base64url.hpp"
#include "crypto/digest.hpp"
#include "crypto/random.hpp"
#include "pg/settings.hpp"

namespace factory::api {

using core::Problem;
using core::Uuid;
using pg::Value;

namespace {

constexpr std::size_t token_size = 32;  // 256 bits
constexpr std::size_t tenant_prefix = 22;

void record(const std::string& action, const Uuid& tenant, const Uuid& invitation, const std::string& email,
            const std::string& role) {
  audit::Event event;
  event.action = action;
  event.tenant = tenant;
  event.target_type = "invitation";
  event.target_id = core::format_uuid(invitation);
  core::JsonWriter(event.metadata).begin_object().member("email", email).member("role", role).end_object();
  audit::record(event);
}

}  // namespace

FACTORY_FUNCTION(factory_create_invitation) {
  Fields fields;
  const std::optional<std::string> email = core::normalize_email(pg::text_argument(fcinfo, 0, "email"));
  if (!email) fields.complain("email", "invalid_value", "it must be an e-mail address");
  const std::string role_text = pg::text_argument(fcinfo, 1, "role");
  fields.check();
  const core::Role& role = grantable_role(role_text);
  const Context* context = context::current();
  const Uuid tenant = context->tenant, inviter = context->user;
  const pg::Connection connection;
  static pg::Statement member(
      "SELECT 1 FROM factory.memberships m JOIN factory.users u ON u.id = m.user_id WHERE m.tenant_id = $1 AND u.email "
      "= $2");
  if (!member.run({Value::uuid(tenant), Value::text(*email)}).empty()) throw Problem("already_member");
  static pg::Statement expire(
      "UPDATE factory.invitations SET status = 'expired' WHERE tenant_id = $1 AND email = $2 AND status = 'open'"
      " AND expires_at <= pg_catalog.clock_timestamp()");
  expire.run({Value::uuid(tenant), Value::text(*email)});
  quota::check_invitation(tenant);
  const std::string token =
      crypto::base62_encode_uuid(tenant) + "." + crypto::base64url_encode(crypto::random_bytes(token_size));
  const Uuid id = core::uuid7();
  static pg::Statement insert(
      "INSERT INTO factory.invitations (tenant_id, id, email, role, token_hash, invited_by, expires_at)"
      " VALUES ($1, $2, $3, $4, $5, $6, pg_catalog.clock_timestamp() + pg_catalog.make_interval(days => $7))"
      " ON CONFLICT (tenant_id, email) WHERE status = 'open' DO NOTHING RETURNING created_at, expires_at");
  const pg::Rows rows = insert.run({Value::uuid(tenant), Value::uuid(id), Value::text(*email), Value::text(role.name),
                                    Value::bytea(token_hash(token)), Value::uuid(inviter),
                                    Value::integer(pg::settings::invitation_days)});
  if (rows.empty()) throw Problem("invitation_pending");
  record(declarations::action_of(fcinfo), tenant, id, *email, role.name);
  static pg::Statement names(
      "SELECT u.name, t.name FROM factory.users u, factory.tenant_records t WHERE u.id = $1 AND t.id = $2");
  const pg::Rows named = names.run({Value::uuid(inviter), Value::uuid(tenant)});
  mail::enqueue({tenant,
                 "invitation",
                 "en",
                 *email,
                 {{"inviter", named.text(0, 1)},
                  {"workspace", named.text(0, 2)},
                  {"role", role.name},
                  {"accept_url", mail::public_link("/accept-invitation#token=" + token)},
                  {"days", std::to_string(pg::settings::invitation_days)}}});
  return pg::row_result(
      fcinfo, {Value::uuid(id), Value::text(*email), Value::text(role.name), Value::text("open"),
               Value::timestamp(rows.timestamp(0, 1)), Value::timestamp(rows.timestamp(0, 2)), Value::text(token)});
}

FACTORY_FUNCTION(factory_cancel_invitation) {
  const Uuid id = pg::uuid_argument(fcinfo, 0, "id");
  const Uuid tenant = context::current()->tenant;
  const pg::Connection connection;
  static pg::Statement cancel(
      "UPDATE factory.invitations SET status = 'cancelled' WHERE tenant_id = $1 AND id = $2 AND status = 'open'"
      " RETURNING email, role");
  const pg::Rows rows = cancel.run({Value::uuid(tenant), Value::uuid(id)});
  if (rows.empty()) throw Problem("not_found");
  record(declarations::action_of(fcinfo), tenant, id, rows.text(0, 1), rows.text(0, 2));
  return Datum(0);
}

// The caller is no member yet: the token names the workspace, and its hash alone opens the row.
FACTORY_FUNCTION(factory_accept_invitation) {
  const std::string token = pg::text_argument(fcinfo, 0, "token");
  const std::optional<Uuid> named = token.size() > tenant_prefix && token[tenant_prefix] == '.'
                                        ? crypto::base62_decode_uuid(std::string_view(token).substr(0, tenant_prefix))
                                        : std::nullopt;
  if (!named) throw Problem("invitation_gone");
  const Uuid tenant = *named, user = context::current()->user;
  const context::TenantScope scope(tenant);
  const pg::Connection connection;
  static pg::Statement account("SELECT email FROM factory.users WHERE id = $1");
  const std::string email = account.run({Value::uuid(user)}).text(0, 1);
  static pg::Statement find(
      "SELECT i.id, i.email, i.role, i.status = 'open' AND i.expires_at > pg_catalog.clock_timestamp(), t.slug, "
      "t.name, t.status"
      " FROM factory.invitations i JOIN factory.tenant_records t ON t.id = i.tenant_id"
      " WHERE i.tenant_id = $1 AND i.token_hash = $2 FOR UPDATE OF i");
  const pg::Rows rows = find.run({Value::uuid(tenant), Value::bytea(token_hash(token))});
  if (rows.empty() || !rows.boolean(0, 4) || rows.text(0, 7) != "active") throw Problem("invitation_gone");
  if (rows.text(0, 2) != email) throw Problem("invitation_address_mismatch");
  const Uuid id = rows.uuid(0, 1);
  const std::string role = rows.text(0, 3);
  quota::check_join(tenant);
  static pg::Statement join(
      "INSERT INTO factory.memberships (tenant_id, user_id, role) VALUES ($1, $2, $3)"
      " ON CONFLICT (tenant_id, user_id) DO NOTHING RETURNING role");
  if (join.run({Value::uuid(tenant), Value::uuid(user), Value::text(role)}).empty()) throw Problem("already_member");
  static pg::Statement directory("INSERT INTO factory.user_tenants (user_id, tenant_id, role) VALUES ($2, $1, $3)");
  directory.run({Value::uuid(tenant), Value::uuid(user), Value::text(role)});
  static pg::Statement use(
      "UPDATE factory.invitations SET status = 'accepted', accepted_by = $3, accepted_at = pg_catalog.clock_timestamp()"
      " WHERE tenant_id = $1 AND id = $2");
  use.run({Value::uuid(tenant), Value::uuid(id), Value::uuid(user)});
  record(declarations::action_of(fcinfo), tenant, id, email, role);
  std::string workspace;
  core::JsonWriter(workspace)
      .begin_object()
      .member("id", core::format_uuid(tenant))
      .member("slug", rows.text(0, 5))
      .member("name", rows.text(0, 6))
      .member("status", rows.text(0, 7))
      .end_object();
  return pg::row_result(fcinfo, {Value::json(workspace), Value::text(role)});
}

}  // namespace factory::api
