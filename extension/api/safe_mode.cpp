#include "api/safe_mode.hpp"

#include "api/audit_log.hpp"
#include "api/context.hpp"
#include "api/secrets.hpp"
#include "core/json_writer.hpp"
#include "pg/keyed_rows.hpp"

extern "C" {
#include "catalog/pg_extension.h"
}

namespace factory::api::safe_mode {

using core::Problem;
using pg::Value;

namespace {

const Cause* causes = nullptr;  // constant-initialized, so it is there before the first cause's constructor runs

// What stays open besides reading: signing in and out, and what a workspace can mend for itself.
constexpr std::array<std::string_view, 5> open_calls = {"factory.login", "factory.refresh", "factory.logout",
                                                        "factory.run_tenant_job", "factory.set_rate_policy"};

std::string versions_differ() {
  for (const pg::KeyedRow& row : pg::all_rows(ExtensionRelationId)) {
    const std::string version = row.text("extversion");
    if (row.text("extname") == "platform_factory" && version != FACTORY_VERSION)
      return "the library is " FACTORY_VERSION " and the schema " + version +
             ": run ALTER EXTENSION platform_factory UPDATE";
  }
  return {};
}

const Cause session_secret("session_secret", [] { return secrets::session_trouble(); });
const Cause versions("versions", versions_differ);

std::vector<Reason> ask() {
  const AsOwner owner;
  std::vector<Reason> found;
  for (const Cause* cause = causes; cause != nullptr; cause = cause->next)
    if (std::string text = cause->reason(); !text.empty()) found.push_back({cause->name, std::move(text)});
  if (const Oid table = platform_relation("safe_mode_reasons"); OidIsValid(table))
    for (const pg::KeyedRow& row : pg::all_rows(table)) found.push_back({row.text("cause"), row.text("reason")});
  std::sort(found.begin(), found.end(), [](const Reason& a, const Reason& b) { return a.cause < b.cause; });
  return found;
}

bool stays_open(const Declaration& declaration) {
  if (declaration.requires_what == Requires::operator_role) return true;
  if (std::find(open_calls.begin(), open_calls.end(), declaration.name) != open_calls.end()) return true;
  // Functions that are no HTTP call say by their volatility whether they write.
  const Oid function = declaration.function;
  return declaration.method.empty() && pg::call([function] { return func_volatile(function); }) != PROVOLATILE_VOLATILE;
}

}  // namespace

Cause::Cause(const char* name_, std::string (*reason_)()) : name(name_), reason(reason_), next(causes) {
  causes = this;
}

const std::vector<Reason>& reasons() {
  // Never destroyed: at process exit the server's memory is gone before static destructors would run.
  static auto* known = new std::vector<Reason>();
  static std::uint64_t known_at = 0;
  const std::uint64_t now = declarations::cache_epoch();
  if (known_at != now) {
    *known = ask();
    known_at = now;
  }
  return *known;
}

void changed() {
  // The same message that the triggers of factory.forget_cached() send.
  const Oid table = platform_relation("routes");
  pg::call([table] { CacheInvalidateRelcacheByRelid(table); });
}

bool put(const std::string& cause, const std::string& text, const std::string& by) {
  static pg::Statement read("SELECT reason FROM factory.safe_mode_reasons WHERE cause = $1");
  static pg::Statement write(
      "INSERT INTO factory.safe_mode_reasons (cause, reason, entered_by) VALUES ($1, $2, $3)"
      " ON CONFLICT (cause) DO UPDATE SET reason = excluded.reason, entered_by = excluded.entered_by,"
      " entered_at = excluded.entered_at");
  static pg::Statement remove("DELETE FROM factory.safe_mode_reasons WHERE cause = $1");
  const pg::Connection connection;
  // A row that says the same is left alone: its trigger makes every backend ask anew.
  const pg::Rows rows = read.run({Value::text(cause)});
  if (rows.empty() ? text.empty() : rows.text(0, 1) == text) return false;
  if (text.empty())
    remove.run({Value::text(cause)});
  else
    write.run({Value::text(cause), Value::text(text), Value::text(by)});
  audit::Event event;
  event.action = text.empty() ? "safe_mode.left" : "safe_mode.entered";
  event.target_type = "safe_mode";
  event.target_id = cause;
  if (!text.empty()) core::JsonWriter(event.metadata).begin_object().member("reason", text).end_object();
  audit::record(event);
  return true;
}

void check(const Declaration& declaration) {
  if (declaration.method == "GET" || !is_on() || stays_open(declaration)) return;
  std::string detail, list;
  core::JsonWriter writer(list);
  writer.begin_array();
  for (const Reason& reason : reasons()) {
    detail += (detail.empty() ? "" : "; ") + reason.text;
    writer.value(reason.text);
  }
  writer.end_array();
  throw Problem("safe_mode", detail).with("reasons", list);
}

}  // namespace factory::api::safe_mode
