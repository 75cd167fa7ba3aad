// Jobs over SQL and HTTP: the registry, runs by hand and by schedule, pauses.
#include "api/audit_log.hpp"
#include "api/context.hpp"
#include "api/fields.hpp"
#include "api/job.hpp"
#include "api/job_schedule.hpp"
#include "core/json_writer.hpp"
#include "core/problem.hpp"
#include "pg/settings.hpp"

namespace factory::api {

using core::Problem;
using core::Uuid;
using pg::Value;

namespace {

void record(const char* action, const std::string& job, std::string metadata, const std::optional<Uuid>& tenant = {}) {
  audit::Event event;
  event.action = action;
  event.tenant = tenant;
  event.target_type = "job";
  event.target_id = job;
  event.metadata = std::move(metadata);
  audit::record(event);
}

Datum run_by_hand(FunctionCallInfo fcinfo, const std::optional<Uuid>& only) {
  const jobs::Job& job = jobs::find(pg::text_argument(fcinfo, 0, "name"));
  const bool dry = pg::boolean_argument(fcinfo, 1, "dry_run");
  if (only && job.scope != jobs::Scope::tenants)
    throw Problem("forbidden", "this job is for operators of the platform");
  const jobs::Result result = jobs::run(job, jobs::Trigger::manual, dry, only);
  std::string metadata;
  core::JsonWriter(metadata)
      .begin_object()
      .member("outcome", result.outcome)
      .member("rows", result.rows)
      .member("dry_run", dry)
      .end_object();
  record("job.ran", job.name, metadata, only);
  // What went wrong inside is for operators.
  const bool tell = result.error && !only;
  return pg::row_result(fcinfo, {Value::text(job.name), Value::text(result.outcome), Value::bigint(result.rows),
                                 Value::boolean(dry), tell ? Value::text(*result.error) : Value::null(TEXTOID)});
}

}  // namespace

FACTORY_FUNCTION(factory_job_registry) {
  const std::vector<const jobs::Job*> all = jobs::all();
  std::vector<std::vector<Value>> rows;
  for (const jobs::Job* job : all)
    rows.push_back({Value::text(job->name), Value::text(job->does), Value::text(job->schedule),
                    Value::text(job->scope == jobs::Scope::tenants ? "tenants" : "platform"), Value::bigint(job->batch),
                    Value::integer(jobs::run_seconds), Value::boolean(pg::settings::jobs_enabled)});
  return pg::rows_result(fcinfo, rows);
}

FACTORY_FUNCTION(factory_run_job) { return run_by_hand(fcinfo, std::nullopt); }

FACTORY_FUNCTION(factory_run_tenant_job) { return run_by_hand(fcinfo, context::current()->tenant); }

FACTORY_FUNCTION(factory_run_scheduled_job) {
  return pg::text_result(jobs::run_when_due(jobs::find(pg::text_argument(fcinfo, 0, "name")), jobs::Trigger::schedule));
}

FACTORY_FUNCTION(factory_tick) {
  (void)fcinfo;
  std::int32_t ran = 0;
  if (pg::settings::jobs_enabled) {
    const TimestampTz end = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), jobs::run_seconds * 1000L);
    for (const jobs::Job* job : jobs::due()) {
      if (GetCurrentTimestamp() >= end) break;
      const std::string outcome = jobs::run_when_due(*job, jobs::Trigger::tick);
      if (outcome == "succeeded" || outcome == "partial" || outcome == "failed") ++ran;
    }
  }
  return Int32GetDatum(ran);
}

FACTORY_FUNCTION(factory_pause_job) {
  const jobs::Job& job = jobs::find(pg::text_argument(fcinfo, 0, "name"));
  Fields fields;
  const std::string reason = fields.name("reason", pg::text_argument(fcinfo, 1, "reason"));
  fields.check();
  const std::string who = pg::call([] { return GetUserNameFromId(GetOuterUserId(), false); });
  static pg::Statement statement(
      "INSERT INTO factory.job_pauses (job, reason, paused_by) VALUES ($1, $2, $3)"
      " ON CONFLICT (job) DO UPDATE SET reason = excluded.reason, paused_by = excluded.paused_by,"
      " paused_at = excluded.paused_at");
  const pg::Connection connection;
  statement.run({Value::text(job.name), Value::text(reason), Value::text(who)});
  std::string metadata;
  core::JsonWriter(metadata).begin_object().member("reason", reason).end_object();
  record("job.paused", job.name, metadata);
  return Datum(0);
}

FACTORY_FUNCTION(factory_resume_job) {
  const jobs::Job& job = jobs::find(pg::text_argument(fcinfo, 0, "name"));
  static pg::Statement statement("DELETE FROM factory.job_pauses WHERE job = $1 RETURNING job");
  const pg::Connection connection;
  if (statement.run({Value::text(job.name)}).empty()) throw Problem("not_found", "this job is not paused");
  record("job.resumed", job.name, {});
  return Datum(0);
}

FACTORY_FUNCTION(factory_install_jobs) {
  const std::vector<jobs::Scheduled> all = jobs::install();
  std::vector<std::vector<Value>> rows;
  for (const jobs::Scheduled& one : all) rows.push_back({Value::text(one.job), Value::text(one.done)});
  return pg::rows_result(fcinfo, rows);
}

FACTORY_FUNCTION(factory_jobs_missed) {
  const std::vector<jobs::Missed> all = jobs::missed();
  std::vector<std::vector<Value>> rows;
  for (const jobs::Missed& one : all)
    rows.push_back({Value::text(one.job),
                    one.last_good ? Value::timestamp(*one.last_good) : Value::null(TIMESTAMPTZOID),
                    Value::text(one.cause), Value::text(one.hint)});
  return pg::rows_result(fcinfo, rows);
}

}  // namespace factory::api
