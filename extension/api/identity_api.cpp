// Accounts and sign-ins: register, login, refresh, logout.
#include "api/account_lock.hpp"
#include "api/address_digest.hpp"
#include "api/audit_log.hpp"
#include "api/context.hpp"
#include "api/fields.hpp"
#include "api/password_hashing.hpp"
#include "api/request_info.hpp"
#include "api/sessions.hpp"
#include "api/verification.hpp"
#include "api/token_hash.hpp"
#include "core/email.hpp"
#include "core/json_writer.hpp"
#include "core/password_policy.hpp"
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

struct Account {
  Uuid id;
  std::string email, name;
};

std::string new_refresh_token(const Uuid& session) {
  static pg::Statement statement(
      "INSERT INTO factory.refresh_tokens (token_hash, session_id, expires_at)"
      " SELECT $1, s.id, least(s.expires_at, pg_catalog.clock_timestamp() + pg_catalog.make_interval(days => $3))"
      " FROM factory.sessions s WHERE s.id = $2");
  const std::string token = crypto::base64url_encode(crypto::random_bytes(token_size));
  statement.run(
      {Value::bytea(token_hash(token)), Value::uuid(session), Value::integer(pg::settings::refresh_idle_days)});
  return token;
}

Datum token_pair(FunctionCallInfo fcinfo, const Account& account, const Uuid& session, int assurance) {
  const std::string access = issue_access_token(account.id, session, assurance);
  const std::string refresh = new_refresh_token(session);
  std::string user;
  core::JsonWriter(user)
      .begin_object()
      .member("id", core::format_uuid(account.id))
      .member("email", account.email)
      .member("name", account.name)
      .end_object();
  return pg::row_result(fcinfo,
                        {Value::text(access), Value::text("Bearer"), Value::integer(pg::settings::access_token_seconds),
                         Value::text(refresh), Value::json(user)});
}

Uuid new_session(const Account& account) {
  static pg::Statement statement(
      "INSERT INTO factory.sessions (id, user_id, user_agent, peer, expires_at)"
      " VALUES ($1, $2, $3, $4, pg_catalog.clock_timestamp() + pg_catalog.make_interval(days => $5))");
  const Uuid session = core::uuid7();
  const std::optional<std::string> peer = peer_address();
  const std::string& agent = request_info().user_agent;
  statement.run(
      {Value::uuid(session), Value::uuid(account.id), agent.empty() ? Value::null(TEXTOID) : Value::text(agent),
       peer ? Value::input(INETOID, *peer) : Value::null(INETOID), Value::integer(pg::settings::refresh_token_days)});
  return session;
}

void record(const std::string& action, const Account& account, const Uuid& session) {
  audit::Event event;
  event.action = action;
  event.actor = account.id;
  event.target_type = action == "user.created" ? "user" : "session";
  event.target_id = core::format_uuid(action == "user.created" ? account.id : session);
  audit::record(event);
}

// Whoever failed to sign in is known by the address tried, of which only a digest is kept.
audit::Evidence failed_sign_in(const std::string& action, std::string_view address) {
  audit::Event event;
  event.action = action;
  event.outcome = "failed";
  event.target_type = "address";
  event.target_id = address_digest(address);
  return {event};
}

}  // namespace

FACTORY_FUNCTION(factory_register) {
  const std::string email_text = pg::text_argument(fcinfo, 0, "email");
  const std::string password = pg::text_argument(fcinfo, 1, "password");
  Fields fields;
  const std::optional<std::string> email = core::normalize_email(email_text);
  if (!email) fields.complain("email", "invalid_value", "it must be an e-mail address");
  const std::string name = fields.name("name", pg::text_argument(fcinfo, 2, "name"));
  fields.check();
  const core::PasswordVerdict verdict = core::check_password(password, *email);
  if (verdict != core::PasswordVerdict::ok)
    throw Problem("password_too_weak", core::describe(verdict), {{"#/password", "too_weak", core::describe(verdict)}});

  const Account account{core::uuid7(), *email, name};
  const pg::Connection connection;
  static pg::Statement taken("SELECT 1 FROM factory.users WHERE email = $1");
  if (!taken.run({Value::text(account.email)}).empty()) throw Problem("email_taken");
  const std::string phc = passwords::hash(password);
  static pg::Statement insert_user(
      "INSERT INTO factory.users (id, email, name) VALUES ($1, $2, $3) ON CONFLICT (email) DO NOTHING RETURNING id");
  if (insert_user.run({Value::uuid(account.id), Value::text(account.email), Value::text(account.name)}).empty())
    throw Problem("email_taken");
  static pg::Statement insert_credential("INSERT INTO factory.credentials (user_id, password_hash) VALUES ($1, $2)");
  insert_credential.run({Value::uuid(account.id), Value::text(phc)});
  const Uuid session = new_session(account);
  record(declarations::action_of(fcinfo), account, session);
  return token_pair(fcinfo, account, session, 1);
}

FACTORY_FUNCTION(factory_login) {
  const std::string address = pg::text_argument(fcinfo, 0, "email");
  const std::string password = pg::text_argument(fcinfo, 1, "password");
  const std::string action = declarations::action_of(fcinfo);
  const std::optional<std::string> email = core::normalize_email(address);
  const pg::Connection connection;
  static pg::Statement find(
      "SELECT u.id, u.name, u.status, c.password_hash FROM factory.users u JOIN factory.credentials c ON c.user_id = "
      "u.id"
      " WHERE u.email = $1");
  const std::string tried = email.value_or(address);
  SignInAttempt attempt(address_digest(tried));
  // One way for known and unknown addresses: the same statement, one run of scrypt, the same answer.
  const pg::Rows rows = find.run({Value::text(email.value_or(""))});
  const bool possible = !rows.empty() && password.size() <= core::kMaxPasswordSize;
  bool matches = false;
  if (possible)
    matches = passwords::verify(password, rows.text(0, 4)) == crypto::PasswordCheck::match;
  else
    passwords::verify_nothing(std::string_view(password).substr(0, core::kMaxPasswordSize));
  if (!matches) {
    audit::Evidence evidence = failed_sign_in(action, tried);
    evidence.locks_account = attempt.failed();
    audit::refuse(std::move(evidence), Problem("invalid_credentials"));
  }
  const Account account{rows.uuid(0, 1), *email, rows.text(0, 2)};
  if (rows.text(0, 3) != "active") audit::refuse(failed_sign_in(action, *email), Problem("account_disabled"));
  attempt.succeeded();
  if (crypto::scrypt_needs_rehash(rows.text(0, 4), passwords::parameters())) {
    static pg::Statement rehash(
        "UPDATE factory.credentials SET password_hash = $2 WHERE user_id = $1 AND password_hash = $3");
    const std::string before = rows.text(0, 4);
    rehash.run({Value::uuid(account.id), Value::text(passwords::hash(password)), Value::text(before)});
  }
  const Uuid session = new_session(account);
  record(action, account, session);
  return token_pair(fcinfo, account, session, 1);
}

FACTORY_FUNCTION(factory_refresh) {
  const std::string token = pg::text_argument(fcinfo, 0, "refresh_token");
  const std::string action = declarations::action_of(fcinfo);
  const pg::Connection connection;
  static pg::Statement find(
      "SELECT s.id, s.user_id, s.assurance::int4, s.ended_at IS NOT NULL OR s.expires_at <= "
      "pg_catalog.clock_timestamp(),"
      " r.expires_at <= pg_catalog.clock_timestamp(), u.email, u.name, u.status"
      " FROM factory.refresh_tokens r JOIN factory.sessions s ON s.id = r.session_id JOIN factory.users u ON u.id = "
      "s.user_id"
      " WHERE r.token_hash = $1");
  const std::string hash = token_hash(token);
  const pg::Rows rows = find.run({Value::bytea(hash)});
  if (rows.empty()) throw Problem("invalid_refresh_token");
  const Uuid session = rows.uuid(0, 1);
  const Account account{rows.uuid(0, 2), rows.text(0, 6), rows.text(0, 7)};
  const int assurance = rows.integer(0, 3);
  if (rows.boolean(0, 4)) throw Problem("session_ended");
  if (rows.boolean(0, 5)) throw Problem("invalid_refresh_token");
  if (rows.text(0, 8) != "active") throw Problem("account_disabled");
  // One statement decides who uses the token first; a client that lost the answer may ask again for some seconds.
  static pg::Statement use(
      "UPDATE factory.refresh_tokens SET used_at = coalesce(used_at, pg_catalog.clock_timestamp()) WHERE token_hash = "
      "$1"
      " AND (used_at IS NULL OR used_at > pg_catalog.clock_timestamp() - pg_catalog.make_interval(secs => $2::float8))"
      " RETURNING token_hash");
  if (use.run({Value::bytea(hash), Value::integer(pg::settings::refresh_reuse_seconds)}).empty()) {
    audit::Event event;
    event.action = "session.token_reused";
    event.outcome = "blocked";
    event.actor = account.id;
    event.target_type = "session";
    event.target_id = core::format_uuid(session);
    audit::refuse({event, session}, Problem("invalid_refresh_token"));
  }
  record(action, account, session);
  return token_pair(fcinfo, account, session, assurance);
}

FACTORY_FUNCTION(factory_logout) {
  const Context* context = context::current();
  const Uuid session = context->session;
  sessions::end(session, "logout");
  record(declarations::action_of(fcinfo), {context->user, {}, {}}, session);
  return Datum(0);
}

}  // namespace factory::api
