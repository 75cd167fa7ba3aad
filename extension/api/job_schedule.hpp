// Jobs and pg_cron: what is scheduled there, and why a job may not have run.
#pragma once

#include "api/job.hpp"

namespace factory::api::jobs {

struct Scheduled {
  std::string job;
  std::string done;  // scheduled, repaired, unchanged, removed
};

// Makes pg_cron's table of jobs say what the registry says: one row for each job, run as factory_jobs over the socket. As
// the caller, who is a superuser. Throws not_in_this_context where pg_cron is not installed in this database.
std::vector<Scheduled> install();

struct Missed {
  std::string job;
  std::optional<TimestampTz> last_good;
  std::string cause, hint;
};

// Jobs that have not finished well for two of their times, and why.
std::vector<Missed> missed();

}  // namespace factory::api::jobs
