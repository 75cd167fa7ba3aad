#include "api/verification.hpp"

#include "api/declarations.hpp"
#include "api/home.hpp"
#include "api/secrets.hpp"
#include "core/json_writer.hpp"
#include "core/problem.hpp"
#include "crypto/random.hpp"
#include "pg/keyed_rows.hpp"
#include "pg/settings.hpp"
#include "pg/spi.hpp"

namespace factory::api {

using core::Problem;
using core::Uuid;
using pg::Value;

namespace {

constexpr int clock_skew_seconds = 30;
constexpr std::int64_t longest_token_seconds = 3600;

struct SessionFacts {
  std::string user_status;
  bool ended = false;
  TimestampTz expires_at = 0;
  int assurance = 1;
  std::string role, tenant_status;  // empty: no membership, no workspace
};

// All from one snapshot: session, account, membership and workspace cannot disagree. The latest one, as the caller may hold
// an older one from before a sign-out or a removal.
std::optional<SessionFacts> look_up(const Uuid& session, const Uuid& user, const std::optional<Uuid>& tenant) {
  const pg::LatestRows rows;
  const auto found_session = rows.find(platform_relation("sessions"), {Value::uuid(session)});
  if (!found_session || found_session->uuid("user_id") != user) return std::nullopt;
  const auto account = rows.find(platform_relation("users"), {Value::uuid(user)});
  if (!account) return std::nullopt;
  SessionFacts facts{account->text("status"),
                     !found_session->is_null("ended_at"),
                     found_session->timestamp("expires_at"),
                     found_session->smallint("assurance"),
                     {},
                     {}};
  if (!tenant) return facts;
  if (const auto row = rows.find(platform_relation("memberships"), {Value::uuid(*tenant), Value::uuid(user)}))
    facts.role = row->text("role");
  if (const auto row = rows.find(platform_relation("tenant_records"), {Value::uuid(*tenant)}))
    facts.tenant_status = row->text("status");
  return facts;
}

void check_session(const std::optional<SessionFacts>& facts) {
  if (!facts || facts->ended || facts->expires_at <= GetCurrentTimestamp()) throw Problem("session_ended");
  if (facts->user_status != "active") throw Problem("account_disabled");
}

void check_membership(const SessionFacts& facts) {
  if (facts.role.empty() || facts.tenant_status.empty()) throw Problem("tenant_not_found");
  if (facts.tenant_status != "active") throw Problem("tenant_deleted");
}

Uuid uuid_claim(const std::string& text) {
  const std::optional<Uuid> uuid = core::parse_uuid(text);
  if (!uuid) throw Problem("invalid_token");
  return *uuid;
}

// Whether the row of the one key that this server can verify with is there and in use.
class KeyStatus {
 public:
  bool usable() {
    const std::uint64_t epoch = declarations::cache_epoch();
    if (epoch != epoch_) {
      static pg::Statement statement(
          "SELECT 1 FROM factory.signing_keys WHERE kid = $1 AND status IN ('active', 'retired')");
      const pg::Connection connection;
      usable_ = !statement.run({Value::text(secrets::token_key_id())}).empty();
      epoch_ = epoch;
    }
    return usable_;
  }

 private:
  std::uint64_t epoch_ = 0;
  bool usable_ = false;
};

KeyStatus key_status;

bool session_still_holds(const Context& context) {
  if (!home::trouble().empty()) return false;
  const std::optional<SessionFacts> facts =
      look_up(context.session, context.user, context.has_tenant ? std::optional(context.tenant) : std::nullopt);
  if (!facts || facts->ended || facts->expires_at <= GetCurrentTimestamp() || facts->user_status != "active")
    return false;
  // A changed role means other capabilities: sign in again, do not go on with the old ones.
  return !context.has_tenant || (facts->role == context.role && facts->tenant_status == "active");
}

}  // namespace

crypto::JwtClaims verify_access_token(std::string_view token) {
  home::require();
  if (!key_status.usable()) throw Problem("invalid_token");
  crypto::JwtPolicy policy;
  policy.issuer = pg::settings::issuer;
  policy.audience = pg::settings::issuer;
  policy.now = pg::unix_seconds(GetCurrentTimestamp());
  policy.skew = clock_skew_seconds;
  policy.max_lifetime = longest_token_seconds;
  const crypto::JwtResult result = crypto::jwt_verify(
      token,
      [](std::string_view kid) -> std::optional<crypto::JwtKey> {
        if (kid != secrets::token_key_id()) return std::nullopt;
        return crypto::JwtKey{secrets::token_key_id(), secrets::token_key()};
      },
      policy);
  if (const auto* error = std::get_if<crypto::JwtError>(&result))
    throw Problem(*error == crypto::JwtError::expired ? "token_expired" : "invalid_token");
  return std::get<crypto::JwtClaims>(result);
}

std::string issue_access_token(const Uuid& user, const Uuid& session, int assurance) {
  home::require();
  const crypto::JwtKey key{secrets::token_key_id(), secrets::token_key()};
  if (!key_status.usable()) {
    static pg::Statement statement(
        "INSERT INTO factory.signing_keys (kid, algorithm, status) VALUES ($1, 'HS256', 'active') ON CONFLICT (kid) DO "
        "NOTHING");
    const pg::Connection connection;
    statement.run({Value::text(key.kid)});
  }
  crypto::JwtClaims claims;
  claims.iss = pg::settings::issuer;
  claims.aud = pg::settings::issuer;
  claims.sub = core::format_uuid(user);
  claims.sid = core::format_uuid(session);
  claims.jti = core::format_uuid(core::uuid7());
  claims.iat = pg::unix_seconds(GetCurrentTimestamp());
  claims.exp = claims.iat + pg::settings::access_token_seconds;
  claims.aal = assurance;
  return crypto::jwt_sign(claims, key);
}

Context establish(const crypto::JwtClaims& claims, const std::optional<Uuid>& tenant, Membership membership) {
  const Uuid user = uuid_claim(claims.sub);
  const Uuid session = uuid_claim(claims.sid);
  const std::optional<SessionFacts> facts = look_up(session, user, tenant);
  check_session(facts);

  Context context;
  std::memset(&context, 0, sizeof context);  // padding too: the value is compared and copied byte by byte
  context.user = user;
  context.session = session;
  context.assurance = facts->assurance;
  context.expires_at = std::min(facts->expires_at, pg::from_unix_seconds(claims.exp + clock_skew_seconds));
  if (!tenant) return context;
  if (membership == Membership::optional && (facts->role.empty() || facts->tenant_status.empty())) return context;
  check_membership(*facts);
  const core::Role* role = core::find_role(facts->role);
  if (role == nullptr || facts->role.size() >= sizeof context.role) throw Problem("tenant_not_found");
  context.has_tenant = true;
  context.tenant = *tenant;
  context.capabilities = role->capabilities;
  std::memcpy(context.role, facts->role.data(), facts->role.size());
  return context;
}

std::vector<Uuid> tenants_of(const Uuid& user, std::size_t most) {
  static pg::Statement statement("SELECT tenant_id FROM factory.user_tenants WHERE user_id = $1 ORDER BY tenant_id");
  const pg::Connection connection;
  const pg::Rows rows = statement.run({Value::uuid(user)}, pg::Reads::fresh, most);
  std::vector<Uuid> tenants;
  for (std::uint64_t row = 0; row < rows.count(); ++row) tenants.push_back(rows.uuid(row, 1));
  return tenants;
}

std::optional<Uuid> sole_tenant(const Uuid& user) {
  constexpr std::size_t most_listed = 100;
  const std::vector<Uuid> tenants = tenants_of(user, most_listed);
  if (tenants.empty()) return std::nullopt;
  if (tenants.size() == 1) return tenants.front();
  std::string list;
  core::JsonWriter json(list);
  json.begin_array();
  for (const Uuid& tenant : tenants) json.value(core::format_uuid(tenant));
  json.end_array();
  Problem problem("tenant_required", "you are a member of several workspaces");
  problem.with("tenants", list);
  throw problem;
}

void install_verification() { context::verify_session = session_still_holds; }

}  // namespace factory::api
