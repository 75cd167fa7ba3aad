#include "api/job.hpp"

#include "api/context.hpp"
#include "core/problem.hpp"
#include "pg/object_lock.hpp"
#include "pg/settings.hpp"
#include "pg/spi.hpp"

extern "C" {
#include "mb/pg_wchar.h"
}

namespace factory::api::jobs {

using core::Problem;
using core::Uuid;
using pg::Value;

namespace {

const Job* jobs = nullptr;  // constant-initialized, so it is there before the first job's constructor runs

constexpr std::int64_t tenants_at_once = 500;
constexpr int longest_error = 500;

// What `work` comes to in a workspace; nothing where somebody sits on a row there, which must not stop the others' turn.
std::int64_t in_tenant(const Uuid& tenant, const std::function<std::int64_t(const Uuid&)>& work) {
  constexpr const char* lock_not_available = "55P03";
  std::int64_t rows = 0;
  try {
    pg::in_subtransaction(pg::Access::read_write, [&] {
      const context::TenantScope scope(tenant);
      rows = work(tenant);
    });
  } catch (const pg::PostgresError& error) {
    if (error.sqlstate() != lock_not_available) throw;
  }
  return rows;
}

// Thrown to roll a dry run back.
struct DryRun : std::exception {};

// A run for one workspace locks nobody else's: its people may keep their transaction open.
std::uint32_t lock_key(const Job& job, const std::optional<Uuid>& only) {
  std::uint32_t hash = 2166136261u;  // FNV-1a
  const auto add = [&hash](unsigned char c) { hash = (hash ^ c) * 16777619u; };
  for (const char* c = job.name; *c != '\0'; ++c) add(static_cast<unsigned char>(*c));
  if (only)
    for (const std::uint8_t byte : *only) add(byte);
  return hash;
}

bool take_lock(const Job& job, const std::optional<Uuid>& only = std::nullopt) {
  return pg::try_lock(platform_relation("job_runs"), lock_key(job, only));
}

const char* name_of(Trigger trigger) {
  switch (trigger) {
    case Trigger::schedule:
      return "schedule";
    case Trigger::tick:
      return "tick";
    case Trigger::manual:
      return "manual";
  }
  return "manual";
}

std::optional<Uuid> position_of_last_run(const Job& job) {
  static pg::Statement statement(
      "SELECT position FROM factory.job_runs WHERE job = $1 AND workspace IS NULL AND NOT dry_run AND outcome <> "
      "'failed'"
      " ORDER BY started_at DESC LIMIT 1");
  const pg::Rows rows = statement.run({Value::text(job.name)});
  return rows.empty() ? std::nullopt : rows.optional_uuid(0, 1);
}

void write_ledger(const Job& job, Trigger trigger, bool dry, const std::optional<Uuid>& only, TimestampTz started,
                  const Result& result, const std::optional<Uuid>& position) {
  static pg::Statement statement(
      "INSERT INTO factory.job_runs (id, job, trigger, workspace, dry_run, started_at, ended_at, outcome, rows, error,"
      " position) VALUES ($1, $2, $3, $4, $5, $6, pg_catalog.clock_timestamp(), $7, $8, $9, $10)");
  statement.run({Value::uuid(core::uuid7()), Value::text(job.name), Value::text(name_of(trigger)),
                 Value::optional_uuid(only), Value::boolean(dry), Value::timestamp(started),
                 Value::text(result.outcome), Value::bigint(result.rows), Value::optional_text(result.error),
                 Value::optional_uuid(position)});
}

struct LastRun {
  TimestampTz started_at;
  std::string outcome;
};

std::optional<LastRun> last_run(const Job& job) {
  static pg::Statement statement(
      "SELECT started_at, outcome FROM factory.job_runs WHERE job = $1 AND workspace IS NULL AND NOT dry_run"
      " ORDER BY started_at DESC LIMIT 1");
  const pg::Rows rows = statement.run({Value::text(job.name)});
  if (rows.empty()) return std::nullopt;
  return LastRun{rows.timestamp(0, 1), rows.text(0, 2)};
}

bool is_paused(const Job& job) {
  static pg::Statement statement("SELECT 1 FROM factory.job_pauses WHERE job = $1");
  return !statement.run({Value::text(job.name)}).empty();
}

bool is_due(const Job& job, const std::optional<LastRun>& last) {
  const std::optional<TimestampTz> fires = fires_before(job, GetCurrentTimestamp());
  return fires && (!last || last->started_at < *fires || last->outcome == "partial");
}

}  // namespace

Run::Run(std::int64_t rows_at_once, const std::optional<Uuid>& only, const std::optional<Uuid>& position)
    : batch(rows_at_once),
      only_(only),
      position_(position),
      deadline_(TimestampTzPlusMilliseconds(GetCurrentTimestamp(), (run_seconds - 1) * 1000L)) {}

bool Run::has_time() {
  pg::call([] { CHECK_FOR_INTERRUPTS(); });
  if (GetCurrentTimestamp() >= deadline_) work_is_left_ = true;
  return !work_is_left_;
}

std::int64_t Run::in_batches(const std::function<std::int64_t()>& step) {
  std::int64_t sum = 0;
  while (has_time()) {
    const std::int64_t taken = step();
    sum += taken;
    if (taken < batch) break;
  }
  return sum;
}

std::int64_t Run::each_tenant(const std::function<std::int64_t(const Uuid&)>& work) {
  if (only_) {
    const context::TenantScope scope(*only_);
    return work(*only_);
  }
  static pg::Statement next_tenants(
      "SELECT id FROM factory.tenant_records WHERE $1::pg_catalog.uuid IS NULL OR id > $1 ORDER BY id LIMIT $2");
  std::int64_t sum = 0;
  while (true) {
    const pg::Rows rows = next_tenants.run({Value::optional_uuid(position_), Value::bigint(tenants_at_once)});
    std::vector<Uuid> tenants;
    for (std::uint64_t row = 0; row < rows.count(); ++row) tenants.push_back(rows.uuid(row, 1));
    for (const Uuid& tenant : tenants) {
      if (!has_time()) return sum;
      sum += in_tenant(tenant, work);
      position_ = tenant;
    }
    if (static_cast<std::int64_t>(tenants.size()) < tenants_at_once) break;
  }
  position_.reset();
  return sum;
}

Job::Job(const char* job, const char* sentence, const char* when, Scope whose, std::int64_t rows_at_once,
         std::int64_t (*work)(Run&))
    : name(job), does(sentence), schedule(when), scope(whose), batch(rows_at_once), body(work), next(jobs) {
  jobs = this;
}

std::vector<const Job*> all() {
  std::vector<const Job*> result;
  for (const Job* job = jobs; job != nullptr; job = job->next) result.push_back(job);
  std::sort(result.begin(), result.end(),
            [](const Job* a, const Job* b) { return std::string_view(a->name) < std::string_view(b->name); });
  return result;
}

const Job& find(const std::string& name) {
  for (const Job* job = jobs; job != nullptr; job = job->next)
    if (name == job->name) return *job;
  throw Problem("not_found", "there is no job of this name; see factory.jobs");
}

std::optional<TimestampTz> fires_before(const Job& job, TimestampTz time) {
  const std::optional<core::CronSchedule> schedule = core::CronSchedule::parse(job.schedule);
  if (!schedule) throw Problem("internal", std::string("the schedule of a job is none: ") + job.name);
  const std::optional<std::int64_t> fires = schedule->previous(pg::unix_seconds(time));
  if (!fires) return std::nullopt;
  return pg::from_unix_seconds(*fires);
}

Result run(const Job& job, Trigger trigger, bool dry, const std::optional<Uuid>& only) {
  if (!take_lock(job, only)) throw Problem("job_running");
  const AsOwner owner;
  const pg::Connection ledger;
  const TimestampTz started = GetCurrentTimestamp();
  Result result;
  Run run(job.batch, only, only ? std::nullopt : position_of_last_run(job));
  try {
    pg::in_subtransaction(pg::Access::read_write, [&] {
      const pg::SettingsScope settings;
      pg::call([] {
        // A row that somebody sits on waits for the next run.
        set_config_option("lock_timeout", "1s", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, ERROR, false);
      });
      const pg::Connection connection;
      result.rows = job.body(run);
      if (dry) throw DryRun();
    });
    result.outcome = run.work_is_left() ? "partial" : "succeeded";
  } catch (const DryRun&) {
    result.outcome = run.work_is_left() ? "partial" : "succeeded";
  } catch (const std::exception& trouble) {
    const std::string what = trouble.what();
    const int fits = pg_mbcliplen(what.data(), static_cast<int>(what.size()), longest_error);
    result = {"failed", 0, what.substr(0, static_cast<std::size_t>(fits))};
  }
  const std::optional<Uuid> position = dry || only || result.outcome == "failed" ? std::nullopt : run.position();
  write_ledger(job, trigger, dry, only, started, result, position);
  return result;
}

std::string run_when_due(const Job& job, Trigger trigger) {
  if (!pg::settings::jobs_enabled) return "off";
  {
    const AsOwner owner;
    const pg::Connection connection;
    if (is_paused(job)) return "paused";
    // Under the lock: whoever ran it before has committed, and is seen.
    if (!take_lock(job)) return "running";
    if (!is_due(job, last_run(job))) return "done_before";
  }
  return run(job, trigger, false).outcome;
}

std::vector<const Job*> due() {
  const AsOwner owner;
  const pg::Connection connection;
  std::vector<std::pair<TimestampTz, const Job*>> waiting;
  for (const Job* job : all()) {
    const std::optional<LastRun> last = last_run(*job);
    if (is_due(*job, last)) waiting.emplace_back(last ? last->started_at : 0, job);
  }
  std::stable_sort(waiting.begin(), waiting.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<const Job*> result;
  for (const auto& [since, job] : waiting) result.push_back(job);
  return result;
}

}  // namespace factory::api::jobs
