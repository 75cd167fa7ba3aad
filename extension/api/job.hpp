// Jobs: what the platform does by itself, now and then. A capability that has one makes a Job beside its code; it then
// stands in factory.jobs, is scheduled by factory.install_jobs(), and can be run by hand.
#pragma once

#include "core/cron_schedule.hpp"
#include "core/uuid.hpp"
#include "pg/postgres.hpp"

namespace factory::api::jobs {

enum class Scope : bool {
  platform,  // rows of no workspace
  tenants,   // rows of workspaces, one after the other: people of a workspace may run it for theirs
};

// One run, as the body of a job sees it. It runs as factory_owner in one transaction that a kill rolls back whole.
class Run {
 public:
  Run(std::int64_t batch, const std::optional<core::Uuid>& only, const std::optional<core::Uuid>& position);

  // Rows to take at once.
  const std::int64_t batch;

  // Whether there is time for one batch more. Answers interrupts, and remembers that work is left where it says no.
  bool has_time();

  // Calls `step` until it takes less than a batch, or time is over; adds up.
  std::int64_t in_batches(const std::function<std::int64_t()>& step);

  // Calls `work` under each workspace's context, from where the last run stopped; adds up. In a run for one workspace it is
  // that one alone, and the rows of no workspace are to be left alone: see is_for_all().
  std::int64_t each_tenant(const std::function<std::int64_t(const core::Uuid&)>& work);
  bool is_for_all() const { return !only_; }

  bool work_is_left() const { return work_is_left_; }
  const std::optional<core::Uuid>& position() const { return position_; }

 private:
  const std::optional<core::Uuid> only_;
  std::optional<core::Uuid> position_;
  const TimestampTz deadline_;
  bool work_is_left_ = false;
};

// A namespace-scope object that never ends.
class Job {
 public:
  // `does`: a sentence. `schedule`: five fields, UTC. `body` returns how many rows it dealt with, in batches of run.batch,
  // and is called again at the next time where the time was not enough.
  Job(const char* name, const char* does, const char* schedule, Scope scope, std::int64_t batch,
      std::int64_t (*body)(Run& run));
  Job(const Job&) = delete;
  Job& operator=(const Job&) = delete;

  const char* const name;
  const char* const does;
  const char* const schedule;
  const Scope scope;
  const std::int64_t batch;
  std::int64_t (*const body)(Run& run);
  const Job* const next;
};

// All jobs by name.
std::vector<const Job*> all();
// Throws not_found.
const Job& find(const std::string& name);

inline constexpr int run_seconds = 5;

enum class Trigger : std::uint8_t { schedule, tick, manual };

struct Result {
  std::string outcome;  // succeeded; partial: work is left for the next run; failed
  std::int64_t rows = 0;
  std::optional<std::string> error;
};

// Runs a job in the transaction of the caller and writes the ledger; a failure is rolled back and told, not thrown.
// only: for one workspace; dry: nothing stays but the count. Throws job_running while another transaction runs it.
Result run(const Job& job, Trigger trigger, bool dry, const std::optional<core::Uuid>& only = std::nullopt);

// Runs it where its time has come: not twice for the same time, nor while jobs are off or it is paused. Returns the outcome,
// or done_before, off, paused, running.
std::string run_when_due(const Job& job, Trigger trigger);

// Jobs whose turn it is by their schedule, the one that waits for longest first.
std::vector<const Job*> due();

// The time before `time` at which the schedule fires.
std::optional<TimestampTz> fires_before(const Job& job, TimestampTz time);

}  // namespace factory::api::jobs
