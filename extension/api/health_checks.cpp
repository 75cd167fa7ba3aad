#include "pg/postgres.hpp"

#include "api/health_checks.hpp"

#include "api/context.hpp"
#include "api/data_keys.hpp"
#include "api/evidence_ring.hpp"
#include "api/job_schedule.hpp"
#include "api/limiter.hpp"
#include "api/safe_mode.hpp"
#include "api/worker.hpp"
#include "pg/scope.hpp"
#include "pg/settings.hpp"
#include "pg/spi.hpp"
#include "pg/vital_signs.hpp"

extern "C" {
#include "access/xlog.h"
}

namespace factory::api::health {

namespace {

constexpr std::int64_t most_shown = 5;
constexpr std::int64_t old_age = 600'000'000, dangerous_age = 1'500'000'000;  // of 2,147,483,647 transactions
constexpr std::int64_t late_seconds = 300, very_late_seconds = 3600;
constexpr std::int64_t lag_seconds = 30, long_lag_seconds = 300;
constexpr std::int64_t lag_bytes = 256LL << 20, large_lag_bytes = 4LL << 30;
constexpr std::int64_t skew_seconds = 5, large_skew_seconds = 60;
constexpr std::int64_t days_ahead = 35;

Colour by(std::int64_t value, std::int64_t amber, std::int64_t red) {
  return value >= red ? Colour::red : value >= amber ? Colour::amber : Colour::green;
}

// The remedy stands only where there is something to do.
Finding finding(Colour colour, std::string evidence, const char* remedy) {
  return {colour, std::move(evidence), colour == Colour::green ? "" : remedy};
}

std::int64_t percent(double part, double whole) {
  return whole <= 0 ? 0 : static_cast<std::int64_t>(100 * part / whole);
}

std::string number(std::uint64_t value) { return std::to_string(value); }

Finding safe_mode_reasons() {
  std::string text;
  for (const safe_mode::Reason& reason : safe_mode::reasons())
    text += (text.empty() ? "" : "; ") + reason.cause + ": " + reason.text;
  if (text.empty()) return {Colour::green, "off", ""};
  return {Colour::red, text,
          "Mend the causes; SELECT * FROM factory.leave_safe_mode() takes an operator's reason back."};
}

Finding session_secret() {
  if (secrets::session_trouble().empty()) return {Colour::green, "given", ""};
  return {Colour::red, secrets::session_trouble(), "Set SESSION_SECRET and restart: factory-edge env makes one."};
}

Finding encryption() {
  const std::string trouble = data_keys::trouble();
  if (trouble.empty()) return {Colour::green, "the server has every key that is needed", ""};
  return {Colour::red, trouble, "Give the server the key that is named, and restart it."};
}

Finding database() {
  static pg::Statement ages(
      "SELECT greatest(pg_catalog.age(datfrozenxid), pg_catalog.mxid_age(datminmxid))::pg_catalog.int8"
      " FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database()");
  const std::int64_t age = ages.run({}, pg::Reads::snapshot).bigint(0, 1);
  return finding(by(age, old_age, dangerous_age),
                 "oldest transaction is " + std::to_string(age) + " old, of 2147483647",
                 "End long transactions and prepared ones, drop forgotten replication slots, and VACUUM (FREEZE).");
}

Finding disk() {
  const pg::Disk disk = pg::disk_of_data();
  const std::int64_t full = percent(disk.used, disk.used + disk.free);
  return finding(by(full, 80, 90),
                 std::to_string(full) + " % of the data directory's disk is used, " +
                     std::to_string(static_cast<std::int64_t>(disk.free / (1 << 20))) + " MiB are free",
                 "Make room or a larger disk before it is full: writes fail then.");
}

Finding connections() {
  static pg::Statement count("SELECT coalesce(sum(numbackends), 0)::pg_catalog.int8 FROM pg_catalog.pg_stat_database");
  const std::int64_t used = count.run({}, pg::Reads::snapshot).bigint(0, 1);
  return finding(by(percent(static_cast<double>(used), MaxConnections), 80, 95),
                 std::to_string(used) + " of " + std::to_string(MaxConnections),
                 "Lower FACTORY_POOL_SIZE or the apps' pools, put PgBouncer between, or raise max_connections.");
}

Finding replication() {
  const pg::Replication lag = pg::replication();
  if (lag.standbys == 0 && !RecoveryInProgress()) return {Colour::green, "no standby is connected", ""};
  const Colour colour =
      std::max(by(lag.bytes, lag_bytes, large_lag_bytes), by(lag.seconds, lag_seconds, long_lag_seconds));
  return finding(
      colour,
      (RecoveryInProgress() ? std::string("this standby") : std::to_string(lag.standbys) + " standbys, the last") +
          " is " + std::to_string(lag.bytes) + " bytes and " + std::to_string(lag.seconds) + " s behind",
      "Look at the standby's log, its disk and the network between.");
}

Finding jobs_run() {
  if (RecoveryInProgress()) return {Colour::green, "jobs run on the primary", ""};
  static pg::Statement pauses("SELECT job, reason FROM factory.job_pauses ORDER BY job");
  std::vector<std::string> said;
  std::string remedy;
  if (!pg::settings::jobs_enabled) {
    said.emplace_back("factory.jobs_enabled is off");
    remedy = "ALTER SYSTEM SET factory.jobs_enabled = on; then reload.";
  }
  const pg::Rows paused = pauses.run({}, pg::Reads::snapshot);
  for (std::uint64_t row = 0; row < paused.count(); ++row) {
    said.push_back(paused.text(row, 1) + " is paused: " + paused.text(row, 2));
    if (remedy.empty()) remedy = "SELECT factory.resume_job('" + paused.text(row, 1) + "');";
  }
  for (const jobs::Missed& one : jobs::missed()) {
    if (one.cause == "disabled" || one.cause == "paused") continue;
    said.push_back(one.job + " did not run: " + one.cause);
    if (remedy.empty()) remedy = one.hint;
  }
  if (said.empty()) return {Colour::green, "every job ran", ""};
  std::string evidence;
  for (std::size_t i = 0; i < said.size() && i < most_shown; ++i) evidence += (i == 0 ? "" : "; ") + said[i];
  if (said.size() > most_shown) evidence += "; and " + number(said.size() - most_shown) + " more";
  return {Colour::amber, evidence, remedy};
}

Finding outbox_age() {
  static pg::Statement backlog("SELECT waiting, due, oldest_seconds FROM factory.outbox_backlog()");
  const pg::Rows rows = backlog.run({}, pg::Reads::snapshot);
  return finding(
      by(rows.integer(0, 3), late_seconds, very_late_seconds),
      std::to_string(rows.bigint(0, 1)) + " messages wait, " + std::to_string(rows.bigint(0, 2)) +
          " are due, the oldest for " + std::to_string(rows.integer(0, 3)) + " s",
      "See that a relay runs (factory-edge, FACTORY_RELAY_TRANSFERS) and that it has an SMTP_URL for mails.");
}

Finding evidence_ring_state() {
  if (RecoveryInProgress()) return {Colour::green, "a standby keeps none", ""};
  if (!evidence_ring::is_served())
    return {Colour::red, "factory.database names another database: refusals over SQL leave no event",
            "Set factory.database to this database and restart."};
  const evidence_ring::Status status = evidence_ring::status();
  const std::string text = number(status.waiting) + " of " + number(status.size) + " places wait, " +
                           number(status.refused) + " events were lost since the server started";
  if (!worker::runs())
    return {Colour::red, "the background worker is not connected; " + text,
            "Look at the server's log for platform_factory worker."};
  Colour colour = by(percent(static_cast<double>(status.waiting), static_cast<double>(status.size)), 50, 90);
  if (status.refused > 0) colour = std::max(colour, Colour::amber);
  return finding(colour, text,
                 "Find who is refused so often (GET /v1/rate-limits/blocks), and raise factory.evidence_records.");
}

Finding audit_partitions() {
  static pg::Statement until(
      "SELECT coalesce(extract(epoch FROM max((pg_catalog.regexp_match(pg_catalog.pg_get_expr(c.relpartbound, c.oid),"
      " 'TO \\(''([^'']+)'))[1]::pg_catalog.timestamptz) - pg_catalog.now()) / 86400, 0)::pg_catalog.int8"
      " FROM pg_catalog.pg_inherits i JOIN pg_catalog.pg_class c ON c.oid = i.inhrelid"
      " WHERE i.inhparent = 'factory.audit_events'::pg_catalog.regclass");
  const std::int64_t days = until.run({}, pg::Reads::snapshot).bigint(0, 1);
  return finding(days < days_ahead ? Colour::amber : Colour::green,
                 days <= 0 ? std::string("no month is made ahead") : "made for " + std::to_string(days) + " days ahead",
                 "SELECT * FROM factory.run_job('make_audit_partitions');");
}

Finding limiter_fill() {
  const limiter::Fill fill = limiter::fill();
  const std::int64_t full = percent(static_cast<double>(fill.used), static_cast<double>(fill.size));
  return finding(by(full, 80, 95), std::to_string(full) + " % of " + number(fill.size) + " places hold a key",
                 "Raise factory.limiter_entries and restart: keys that find no place share one cell.");
}

Finding clock() {
  static pg::Statement newest(
      "SELECT coalesce(extract(epoch FROM max(t.at) - pg_catalog.clock_timestamp()), 0)::pg_catalog.int8 FROM ("
      " (SELECT created_at AS at FROM factory.sessions ORDER BY id DESC LIMIT 1) UNION ALL"
      " (SELECT occurred_at FROM factory.platform_events ORDER BY id DESC LIMIT 1) UNION ALL"
      " (SELECT started_at FROM factory.job_runs ORDER BY id DESC LIMIT 1)) t");
  const std::int64_t ahead = newest.run({}, pg::Reads::snapshot).bigint(0, 1);
  return finding(by(ahead, skew_seconds, large_skew_seconds),
                 ahead > 0 ? "the newest row is " + std::to_string(ahead) + " s ahead of the clock" : "in step",
                 "Set the clock by NTP: tokens and limits go by it.");
}

Finding last_lint() {
  static pg::Statement read(
      "SELECT colour, evidence, remedy, checked_at < pg_catalog.clock_timestamp() - interval '1 hour'"
      " FROM factory.health_components WHERE component = 'lint'");
  const pg::Rows rows = read.run({}, pg::Reads::snapshot);
  constexpr const char* run = "SELECT * FROM factory.run_job('check_health');";
  if (rows.empty()) return {Colour::amber, "not looked at yet", run};
  Finding found{colour_of(rows.text(0, 1)), rows.text(0, 2), rows.text(0, 3)};
  if (!rows.boolean(0, 4)) return found;
  return {std::max(found.colour, Colour::amber), "more than an hour ago: " + found.evidence, run};
}

struct Check {
  const char* component;
  bool concerns_everybody;
  Finding (*look)();
};

constexpr std::array<Check, 14> checks = {{{"audit_partitions", false, audit_partitions},
                                           {"clock", false, clock},
                                           {"connections", false, connections},
                                           {"database", true, database},
                                           {"disk", false, disk},
                                           {"encryption", true, encryption},
                                           {"evidence", false, evidence_ring_state},
                                           {"jobs", true, jobs_run},
                                           {"limiter", false, limiter_fill},
                                           {"lint", false, last_lint},
                                           {"outbox", true, outbox_age},
                                           {"replication", false, replication},
                                           {"safe_mode", true, safe_mode_reasons},
                                           {"session_secret", true, session_secret}}};

}  // namespace

const char* colour_name(Colour colour) {
  switch (colour) {
    case Colour::green:
      return "green";
    case Colour::amber:
      return "amber";
    case Colour::red:
      break;
  }
  return "red";
}

Colour colour_of(const std::string& name) {
  return name == "green" ? Colour::green : name == "amber" ? Colour::amber : Colour::red;
}

bool concerns_everybody(const std::string& component) {
  return std::any_of(checks.begin(), checks.end(),
                     [&](const Check& check) { return check.concerns_everybody && component == check.component; });
}

std::vector<Component> look() {
  const AsOwner owner;
  std::vector<Component> components;
  for (const Check& check : checks) {
    Component& component = components.emplace_back(Component{check.component, {}});
    try {
      pg::in_subtransaction(pg::Access::read_only, [&] {
        const pg::Connection connection;
        component.finding = check.look();
      });
    } catch (const std::exception& error) {
      component.finding = {Colour::red, std::string("this check failed: ") + error.what(), "Look at the server's log."};
    }
  }
  return components;
}

Finding look_at_lint() {
  static pg::Statement count(
      "SELECT count(*) FILTER (WHERE severity = 'critical'), count(*) FILTER (WHERE severity = 'warning')"
      " FROM factory.lint()");
  const pg::Connection connection;
  const pg::Rows rows = count.run({});
  const std::int64_t critical = rows.bigint(0, 1), warnings = rows.bigint(0, 2);
  return finding(
      critical > 0   ? Colour::red
      : warnings > 0 ? Colour::amber
                     : Colour::green,
      std::to_string(critical) + " critical findings, " + std::to_string(warnings) + " warnings",
      "SELECT * FROM factory.lint() names them with the DDL that mends each; then run the job check_health.");
}

}  // namespace factory::api::health
