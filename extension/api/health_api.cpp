// Health and safe mode over SQL and HTTP, and the job that looks at all of it.
#include "api/context.hpp"
#include "api/fields.hpp"
#include "api/health_checks.hpp"
#include "api/job.hpp"
#include "api/safe_mode.hpp"
#include "api/secrets.hpp"
#include "core/json_writer.hpp"
#include "pg/spi.hpp"

namespace factory::api {

using core::Problem;
using health::Colour;
using health::Component;
using health::Finding;
using pg::Value;

namespace {

constexpr const char* by_an_operator = "operator";
constexpr const char* by_lint = "lint";
constexpr int stale_minutes = 15;

void keep(const Component& component) {
  static pg::Statement write(
      "INSERT INTO factory.health_components (component, colour, evidence, remedy, checked_at)"
      " VALUES ($1, $2, $3, $4, pg_catalog.clock_timestamp()) ON CONFLICT (component) DO UPDATE SET"
      " colour = excluded.colour, evidence = excluded.evidence, remedy = excluded.remedy, checked_at = "
      "excluded.checked_at");
  const pg::Connection connection;
  const Finding& found = component.finding;
  write.run({Value::text(component.name), Value::text(std::string_view(health::colour_name(found.colour))),
             Value::text(found.evidence), found.remedy.empty() ? Value::null(TEXTOID) : Value::text(found.remedy)});
}

// Lint first: what is critical there changes the rest.
std::int64_t check_health(jobs::Run&) {
  const Finding lint = health::look_at_lint();
  keep({by_lint, lint});
  const bool critical = lint.colour == Colour::red;
  safe_mode::put(by_lint,
                 critical ? "factory.lint() has critical findings: mend them and run the job check_health" : "",
                 "check_health");
  std::int64_t components = 1;
  for (const Component& component : health::look()) {
    if (component.name == by_lint) continue;
    keep(component);
    ++components;
  }
  return components;
}

const jobs::Job health_job("check_health", "Looks at every part of the platform and keeps what it finds.",
                           "*/5 * * * *", jobs::Scope::platform, 1, check_health);

// What the job kept. As factory_owner.
struct Snapshot {
  Colour worst = Colour::amber;  // where nothing is known, or not of late
  std::optional<TimestampTz> checked_at;
  std::vector<std::pair<std::string, std::string>> shown;  // to everybody: component and colour
};

Snapshot snapshot(bool all) {
  static pg::Statement read("SELECT component, colour, checked_at FROM factory.health_components ORDER BY component");
  const AsOwner owner;
  const pg::Connection connection;
  const pg::Rows rows = read.run({}, pg::Reads::snapshot);
  Snapshot result;
  Colour worst = Colour::green;
  for (std::uint64_t row = 0; row < rows.count(); ++row) {
    std::string component = rows.text(row, 1), colour = rows.text(row, 2);
    const bool shown = health::concerns_everybody(component);
    // Safe mode is asked for, not looked up: it may have been left since.
    if (component == "safe_mode" || (!all && !shown)) continue;
    worst = std::max(worst, health::colour_of(colour));
    result.checked_at = std::max(result.checked_at.value_or(0), rows.timestamp(row, 3));
    if (shown) result.shown.emplace_back(std::move(component), std::move(colour));
  }
  const bool is_fresh = result.checked_at && !TimestampDifferenceExceeds(*result.checked_at, GetCurrentTimestamp(),
                                                                         stale_minutes * 60 * 1000);
  result.worst = is_fresh ? worst : std::max(worst, Colour::amber);
  const Colour mode = safe_mode::is_on() ? Colour::red : Colour::green;
  result.worst = std::max(result.worst, mode);
  result.shown.emplace_back("safe_mode", health::colour_name(mode));
  return result;
}

}  // namespace

FACTORY_FUNCTION(factory_health) {
  const std::vector<Component> components = health::look();
  std::vector<std::vector<Value>> rows;
  for (const Component& component : components) {
    const Finding& found = component.finding;
    rows.push_back({Value::text(component.name), Value::text(std::string_view(health::colour_name(found.colour))),
                    Value::text(found.evidence),
                    found.remedy.empty() ? Value::null(TEXTOID) : Value::text(found.remedy)});
  }
  return pg::rows_result(fcinfo, rows);
}

FACTORY_FUNCTION(factory_platform_health) {
  const Snapshot seen = snapshot(false);
  std::string list;
  core::JsonWriter writer(list);
  writer.begin_array();
  for (const auto& [component, colour] : seen.shown)
    writer.begin_object().member("component", component).member("colour", colour).end_object();
  writer.end_array();
  return pg::row_result(
      fcinfo, {Value::text(std::string_view(health::colour_name(seen.worst))), Value::boolean(safe_mode::is_on()),
               seen.checked_at ? Value::timestamp(*seen.checked_at) : Value::null(TIMESTAMPTZOID), Value::json(list)});
}

FACTORY_FUNCTION(factory_readiness) {
  std::string schema_version, cannot_serve, detail;
  {
    const pg::Connection connection;
    static pg::Statement version("SELECT extversion FROM pg_catalog.pg_extension WHERE extname = 'platform_factory'");
    schema_version = version.run({}, pg::Reads::snapshot).text(0, 1);
  }
  for (const safe_mode::Reason& reason : safe_mode::reasons()) {
    detail += (detail.empty() ? "" : "; ") + reason.text;
    if (reason.cause == "session_secret" || reason.cause == "versions") cannot_serve = reason.text;
  }
  const bool ok = cannot_serve.empty();
  return pg::row_result(fcinfo, {Value::boolean(ok), Value::text(FACTORY_VERSION), Value::text(schema_version),
                                 detail.empty() ? Value::null(TEXTOID) : Value::text(ok ? detail : cannot_serve),
                                 Value::text(std::string_view(health::colour_name(snapshot(true).worst))),
                                 Value::boolean(safe_mode::is_on())});
}

FACTORY_FUNCTION(factory_enter_safe_mode) {
  Fields fields;
  const std::string reason = fields.name("reason", pg::text_argument(fcinfo, 0, "reason"));
  fields.check();
  const std::string who = pg::call([] { return GetUserNameFromId(GetOuterUserId(), false); });
  safe_mode::put(by_an_operator, reason, who);
  return Datum(0);
}

FACTORY_FUNCTION(factory_leave_safe_mode) {
  if (!safe_mode::put(by_an_operator, "", "")) {
    if (!safe_mode::is_on()) throw Problem("not_found", "the platform is not in safe mode");
  }
  std::vector<std::vector<Value>> rows;
  for (const safe_mode::Reason& reason : safe_mode::reasons())
    rows.push_back({Value::text(reason.cause), Value::text(reason.text)});
  return pg::rows_result(fcinfo, rows);
}

}  // namespace factory::api
