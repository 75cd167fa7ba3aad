#include "api/account_lock.hpp"

#include "api/rate_limits.hpp"

namespace factory::api {

using core::RatePolicy;
using pg::Value;

namespace {

constexpr std::int64_t second = 1'000'000;

std::optional<RatePolicy> account_policy() {
  for (const RatePolicy& policy : rate_policies::of("login", std::nullopt, rate_policies::Caller::anyone))
    if (policy.strategy == core::Strategy::account) return policy;
  return std::nullopt;
}

// Tries that came to no good verdict yet, those under way with them; and those of them that have failed.
limiter::Key tries_of(const std::string& subject) { return limiter::key_of("tries " + subject); }
limiter::Key failures_of(const std::string& subject) { return limiter::key_of("failures " + subject); }

void count(const limiter::Key& key, const std::function<void(core::WindowCount&, std::int64_t)>& change) {
  limiter::count(limiter::Counter::failures, key, change);
}

void forget(core::WindowCount& failures, std::int64_t now) { failures = core::WindowCount(0, now); }

// Microseconds that a lock-out by its row still lasts.
std::optional<std::int64_t> locked_for(const std::string& subject) {
  static pg::Statement statement(
      "SELECT expires_at FROM factory.account_lockouts WHERE subject = $1 AND expires_at > "
      "pg_catalog.clock_timestamp()");
  const pg::Rows rows = statement.run_latest({Value::text(subject)});
  if (rows.empty()) return std::nullopt;
  return std::max<std::int64_t>(rows.timestamp(0, 1) - GetCurrentTimestamp(), 1);
}

}  // namespace

SignInAttempt::SignInAttempt(std::string subject)
    : subject_(std::move(subject)),
      tries_(tries_of(subject_)),
      failures_(failures_of(subject_)),
      policy_(account_policy()) {
  if (!policy_) return;
  std::optional<std::int64_t> wait = locked_for(subject_);
  if (!wait)
    count(tries_, [&](core::WindowCount& tries, std::int64_t now) {
      if (tries.count() >= policy_->burst)
        wait = tries.left(now);
      else
        tries.add(now, policy_->period * second);
    });
  if (wait) rate_limits::refuse("account_locked", *policy_, subject_, std::nullopt, *wait);
}

SignInAttempt::~SignInAttempt() {
  if (policy_ && !decided_) count(tries_, [](core::WindowCount& tries, std::int64_t) { tries.take_back(); });
}

void SignInAttempt::succeeded() {
  decided_ = true;
  if (!policy_) return;
  count(tries_, forget);
  count(failures_, forget);
}

std::optional<audit::AccountLock> SignInAttempt::failed() {
  decided_ = true;
  if (!policy_) return {};
  bool locked = false;
  count(failures_, [&](core::WindowCount& failures, std::int64_t now) {
    failures.add(now, policy_->period * second);
    locked = failures.count() >= policy_->burst;
    if (locked) forget(failures, now);
  });
  if (!locked) return {};
  count(tries_, [&](core::WindowCount& tries, std::int64_t now) { tries.restart(now, policy_->period * second); });
  return audit::AccountLock{subject_, policy_->period, static_cast<std::int32_t>(policy_->burst)};
}

void write_lock(const audit::AccountLock& lock) {
  static pg::Statement statement(
      "INSERT INTO factory.account_lockouts (subject, locked_at, expires_at, failures)"
      " VALUES ($1, pg_catalog.clock_timestamp(), pg_catalog.clock_timestamp() + pg_catalog.make_interval(secs => "
      "$2::float8), $3)"
      " ON CONFLICT (subject) DO UPDATE SET locked_at = excluded.locked_at, expires_at = excluded.expires_at,"
      " failures = excluded.failures");
  static pg::Statement forget_old(
      "DELETE FROM factory.account_lockouts WHERE subject IN (SELECT o.subject FROM factory.account_lockouts o WHERE "
      "o.expires_at < pg_catalog.clock_timestamp() - interval '1 day' LIMIT 10 FOR UPDATE SKIP LOCKED)");
  const AsOwner owner;
  const pg::Connection connection;
  statement.run({Value::text(lock.subject), Value::bigint(lock.seconds), Value::integer(lock.failures)});
  forget_old.run({});
}

bool unlock_account(const std::string& subject) {
  static pg::Statement statement("DELETE FROM factory.account_lockouts WHERE subject = $1 RETURNING subject");
  bool locked = !statement.run({Value::text(subject)}).empty();
  count(tries_of(subject), [&](core::WindowCount& tries, std::int64_t now) {
    locked = locked || tries.count() > 0;
    forget(tries, now);
  });
  count(failures_of(subject), forget);
  return locked;
}

}  // namespace factory::api
