#include "api/job_schedule.hpp"

#include "api/context.hpp"
#include "core/problem.hpp"
#include "pg/background.hpp"
#include "pg/settings.hpp"
#include "pg/spi.hpp"

extern "C" {
#include "commands/dbcommands.h"
#include "commands/extension.h"
#include "postmaster/postmaster.h"
#include "utils/fmgrprotos.h"
}

namespace factory::api::jobs {

using core::Problem;
using pg::Value;

namespace {

constexpr const char* name_prefix = "factory: ";
constexpr long grace_ms = 120000;  // a run may have begun and not ended

bool has_cron() {
  return pg::call([] { return OidIsValid(get_extension_oid("pg_cron", true)); });
}

std::string setting(const char* name) {
  const char* value = pg::call([name] { return GetConfigOption(name, true, false); });
  return value == nullptr ? std::string() : std::string(value);
}

std::string database_name() {
  return pg::call([] { return get_database_name(MyDatabaseId); });
}

std::string cron_name(const Job& job) { return std::string(name_prefix) + job.name; }

std::string command(const Job& job) { return std::string("SELECT factory.run_scheduled_job('") + job.name + "')"; }

// The columns of cron.job that decide whether and how a job runs.
struct CronRow {
  std::string schedule, command, node, database;
  int port = 0;
  bool active = false;
  auto operator<=>(const CronRow&) const = default;
};

CronRow wanted_row(const Job& job) {
  return {job.schedule, command(job), setting("cron.host"), database_name(), PostPortNumber, true};
}

std::optional<CronRow> row_in_cron(const Job& job) {
  const pg::Rows rows = pg::run_once(
      "SELECT schedule, command, nodename, database, nodeport, active FROM cron.job WHERE jobname = $1 AND username ="
      " 'factory_jobs'",
      {Value::text(cron_name(job))});
  if (rows.empty()) return std::nullopt;
  return CronRow{rows.text(0, 1), rows.text(0, 2),    rows.text(0, 3),
                 rows.text(0, 4), rows.integer(0, 5), rows.boolean(0, 6)};
}

std::string schedule(const Job& job) {
  const CronRow wanted = wanted_row(job);
  const std::optional<CronRow> before = row_in_cron(job);
  if (before == wanted) return "unchanged";
  if (!before)
    pg::run_once("SELECT cron.schedule_in_database($1, $2, $3, $4, 'factory_jobs', true)",
                 {Value::text(cron_name(job)), Value::text(wanted.schedule), Value::text(wanted.command),
                  Value::text(wanted.database)});
  // pg_cron lets nobody but an UPDATE say where a job connects to.
  pg::run_once(
      "UPDATE cron.job SET schedule = $2, command = $3, nodename = $4, database = $5, nodeport = $6, active = true"
      " WHERE jobname = $1 AND username = 'factory_jobs'",
      {Value::text(cron_name(job)), Value::text(wanted.schedule), Value::text(wanted.command), Value::text(wanted.node),
       Value::text(wanted.database), Value::integer(wanted.port)});
  return before ? "repaired" : "scheduled";
}

// What stands under our names and is none of ours, or belongs to somebody else.
std::vector<Scheduled> remove_strays() {
  std::vector<Scheduled> removed;
  const pg::Rows rows =
      pg::run_once("SELECT jobid, jobname::pg_catalog.text, username FROM cron.job WHERE jobname LIKE 'factory: %'");
  std::vector<std::int64_t> ids;
  for (std::uint64_t row = 0; row < rows.count(); ++row) {
    const std::string name = rows.text(row, 2).substr(std::strlen(name_prefix));
    const std::vector<const Job*> known = all();
    const bool ours = rows.text(row, 3) == "factory_jobs" &&
                      std::any_of(known.begin(), known.end(), [&](const Job* job) { return name == job->name; });
    if (ours) continue;
    ids.push_back(rows.bigint(row, 1));
    removed.push_back({name, "removed"});
  }
  for (const std::int64_t id : ids) pg::run_once("DELETE FROM cron.job WHERE jobid = $1", {Value::bigint(id)});
  return removed;
}

std::optional<TimestampTz> last_good_run(const Job& job) {
  static pg::Statement statement(
      "SELECT started_at FROM factory.job_runs WHERE job = $1 AND workspace IS NULL AND NOT dry_run AND outcome <> "
      "'failed'"
      " ORDER BY started_at DESC LIMIT 1");
  const pg::Rows rows = statement.run({Value::text(job.name)});
  if (rows.empty()) return std::nullopt;
  return rows.timestamp(0, 1);
}

// When the first of the runs that are known began; 0 where there is none.
TimestampTz oldest_run() {
  static pg::Statement statement("SELECT started_at FROM factory.job_runs ORDER BY started_at LIMIT 1");
  const pg::Rows rows = statement.run({});
  return rows.empty() ? 0 : rows.timestamp(0, 1);
}

// The error of the last run, where that failed.
std::optional<std::string> last_failure(const Job& job) {
  static pg::Statement statement(
      "SELECT error, outcome FROM factory.job_runs WHERE job = $1 AND workspace IS NULL AND NOT dry_run"
      " ORDER BY started_at DESC LIMIT 1");
  const pg::Rows rows = statement.run({Value::text(job.name)});
  if (rows.empty() || rows.text(0, 2) != "failed") return std::nullopt;
  return rows.text(0, 1);
}

bool is_paused(const Job& job) {
  static pg::Statement statement("SELECT 1 FROM factory.job_pauses WHERE job = $1");
  return !statement.run({Value::text(job.name)}).empty();
}

// factory_jobs sees its own rows of cron.job, once install() has opened the schema to it.
bool jobs_role_sees_cron(Oid role) {
  return pg::call([role] {
    const Oid schema = get_namespace_oid("cron", true);
    return OidIsValid(schema) &&
           DatumGetBool(DirectFunctionCall3(has_schema_privilege_id_id, ObjectIdGetDatum(role),
                                            ObjectIdGetDatum(schema), PointerGetDatum(cstring_to_text("USAGE"))));
  });
}

bool may_log_in(Oid role) {
  return pg::call([role] {
    HeapTuple tuple = SearchSysCache1(AUTHOID, ObjectIdGetDatum(role));
    if (!HeapTupleIsValid(tuple)) return false;
    const bool may = reinterpret_cast<Form_pg_authid>(GETSTRUCT(tuple))->rolcanlogin;
    ReleaseSysCache(tuple);
    return may;
  });
}

void explain(const Job& job, TimestampTz missed_at, Missed& missed) {
  const auto because = [&missed](const char* cause, std::string hint) {
    missed.cause = cause;
    missed.hint = std::move(hint);
  };
  if (!pg::settings::jobs_enabled)
    return because("disabled", "ALTER SYSTEM SET factory.jobs_enabled = on; then reload.");
  if (is_paused(job)) return because("paused", std::string("SELECT factory.resume_job('") + job.name + "');");
  if (const std::optional<std::string> error = last_failure(job))
    return because("failing", "The last run says: " + *error);
  if (!has_cron())
    return because("no_scheduler",
                   "Create the extension pg_cron and SELECT * FROM factory.install_jobs(), or start an "
                   "edge with JOBS_ENABLED=true.");
  const Oid role = pg::call([] { return get_role_oid("factory_jobs", true); });
  if (!OidIsValid(role) || !may_log_in(role))
    return because("role_gone", "CREATE ROLE factory_jobs LOGIN; or give it LOGIN.");
  const std::string install = "SELECT * FROM factory.install_jobs();";
  if (!jobs_role_sees_cron(role)) return because("not_scheduled", install);
  std::optional<CronRow> row;
  {
    const pg::RunAs jobs(role, SECURITY_LOCAL_USERID_CHANGE);
    row = row_in_cron(job);
  }
  if (!row) return because("not_scheduled", install);
  const CronRow wanted = wanted_row(job);
  if (row->node != wanted.node || row->port != wanted.port) return because("wrong_node", install);
  if (*row != wanted) return because("changed", install);
  if (!pg::background::is_running("pg_cron launcher"))
    return because("launcher_gone", "Restart the server: pg_cron's launcher does not come back by itself.");
  if (PgStartTime > missed_at)
    return because("server_down", "The server was down then; the job runs at its next time.");
  because("not_run",
          "Look at cron.job_run_details and the server's log: the connection of factory_jobs may be refused.");
}

}  // namespace

std::vector<Scheduled> install() {
  if (!pg::call([] { return superuser_arg(GetUserId()); }))
    throw Problem("forbidden", "jobs of factory_jobs are scheduled by a superuser");
  if (!has_cron())
    throw Problem(
        "not_in_this_context",
        "pg_cron is not installed in this database: preload it with cron.database_name naming this database and "
        "CREATE EXTENSION pg_cron, or let an edge with JOBS_ENABLED=true call factory.tick()");
  const pg::Connection connection;
  pg::run_once("GRANT USAGE ON SCHEMA cron TO factory_jobs");
  std::vector<Scheduled> result;
  for (const Job* job : all()) result.push_back({job->name, schedule(*job)});
  for (Scheduled& stray : remove_strays()) result.push_back(std::move(stray));
  return result;
}

std::vector<Missed> missed() {
  const AsOwner owner;
  const pg::Connection connection;
  const TimestampTz now = GetCurrentTimestamp();
  std::vector<Missed> result;
  for (const Job* job : all()) {
    const std::optional<TimestampTz> latest = fires_before(*job, TimestampTzPlusMilliseconds(now, -grace_ms));
    const std::optional<TimestampTz> before = latest ? fires_before(*job, *latest - 1) : std::nullopt;
    if (!before) continue;
    Missed entry{job->name, last_good_run(*job), {}, {}};
    // One that has never run is waited for since there are jobs here at all.
    if ((entry.last_good ? *entry.last_good : std::max(oldest_run(), PgStartTime)) >= *before) continue;
    explain(*job, *before, entry);
    result.push_back(std::move(entry));
  }
  return result;
}

}  // namespace factory::api::jobs
