// Jobs that remove what has expired.
#include "api/context.hpp"
#include "api/job.hpp"
#include "pg/spi.hpp"

extern "C" {
#include "commands/extension.h"
#include "utils/fmgrprotos.h"
}

namespace factory::api {

using core::Uuid;
using jobs::Run;
using jobs::Scope;
using pg::Value;

namespace {

std::int64_t count(const pg::Rows& rows) { return static_cast<std::int64_t>(rows.count()); }

std::int64_t expire_refresh_tokens(Run& run) {
  static pg::Statement statement(
      "DELETE FROM factory.refresh_tokens WHERE token_hash IN (SELECT token_hash FROM factory.refresh_tokens"
      " WHERE expires_at < pg_catalog.clock_timestamp() - interval '1 day' LIMIT $1 FOR UPDATE SKIP LOCKED)");
  return run.in_batches([&] { return count(statement.run({Value::bigint(run.batch)})); });
}

// Their refresh tokens go with them.
std::int64_t expire_sessions(Run& run) {
  static pg::Statement statement(
      "DELETE FROM factory.sessions WHERE id IN (SELECT id FROM factory.sessions"
      " WHERE coalesce(ended_at, expires_at) < pg_catalog.clock_timestamp() - interval '30 days'"
      " LIMIT $1 FOR UPDATE SKIP LOCKED)");
  return run.in_batches([&] { return count(statement.run({Value::bigint(run.batch)})); });
}

std::int64_t expire_idempotency_keys(Run& run) {
  static pg::Statement of_users(
      "DELETE FROM factory.user_idempotency_keys WHERE (user_id, key_hash) IN (SELECT user_id, key_hash"
      " FROM factory.user_idempotency_keys WHERE expires_at < pg_catalog.clock_timestamp()"
      " LIMIT $1 FOR UPDATE SKIP LOCKED)");
  static pg::Statement in_tenant(
      "DELETE FROM factory.idempotency_keys WHERE tenant_id = $1 AND (user_id, key_hash) IN (SELECT user_id, key_hash"
      " FROM factory.idempotency_keys WHERE tenant_id = $1 AND expires_at < pg_catalog.clock_timestamp()"
      " LIMIT $2 FOR UPDATE SKIP LOCKED)");
  std::int64_t sum = 0;
  if (run.is_for_all()) sum += run.in_batches([&] { return count(of_users.run({Value::bigint(run.batch)})); });
  return sum + run.each_tenant([&](const Uuid& tenant) {
    return run.in_batches([&] { return count(in_tenant.run({Value::uuid(tenant), Value::bigint(run.batch)})); });
  });
}

std::int64_t expire_invitations(Run& run) {
  static pg::Statement statement(
      "UPDATE factory.invitations SET status = 'expired' WHERE tenant_id = $1 AND id IN (SELECT id"
      " FROM factory.invitations WHERE tenant_id = $1 AND status = 'open' AND expires_at < pg_catalog.clock_timestamp()"
      " LIMIT $2 FOR UPDATE SKIP LOCKED)");
  return run.each_tenant([&](const Uuid& tenant) {
    return run.in_batches([&] { return count(statement.run({Value::uuid(tenant), Value::bigint(run.batch)})); });
  });
}

// pg_cron keeps every run for ever; factory_jobs sees and may delete its own.
std::int64_t trim_history_of_cron(Run& run) {
  const bool open_to_us = pg::call([] {
    if (!OidIsValid(get_extension_oid("pg_cron", true))) return false;
    const Oid schema = get_namespace_oid("cron", true);
    return OidIsValid(schema) && DatumGetBool(DirectFunctionCall3(
                                     has_schema_privilege_id_id, ObjectIdGetDatum(get_role_oid("factory_jobs", false)),
                                     ObjectIdGetDatum(schema), PointerGetDatum(cstring_to_text("USAGE"))));
  });
  if (!open_to_us) return 0;
  const pg::RunAs jobs(pg::call([] { return get_role_oid("factory_jobs", false); }), SECURITY_LOCAL_USERID_CHANGE);
  return run.in_batches([&] {
    return count(
        pg::run_once("DELETE FROM cron.job_run_details WHERE runid IN (SELECT runid FROM cron.job_run_details"
                     " WHERE end_time < pg_catalog.clock_timestamp() - interval '7 days' OR (end_time IS NULL AND"
                     " start_time < pg_catalog.clock_timestamp() - interval '30 days') LIMIT $1)",
                     {Value::bigint(run.batch)}));
  });
}

std::int64_t trim_job_runs(Run& run) {
  static pg::Statement statement(
      "DELETE FROM factory.job_runs WHERE id IN (SELECT id FROM factory.job_runs WHERE started_at <"
      " pg_catalog.clock_timestamp() - CASE outcome WHEN 'failed' THEN interval '30 days' ELSE interval '7 days' END"
      " LIMIT $1)");
  const std::int64_t ours = run.in_batches([&] { return count(statement.run({Value::bigint(run.batch)})); });
  return ours + trim_history_of_cron(run);
}

const jobs::Job refresh_tokens_job("expire_refresh_tokens", "Removes refresh tokens a day after their end.",
                                   "7 * * * *", Scope::platform, 5000, expire_refresh_tokens);
const jobs::Job sessions_job("expire_sessions", "Removes sessions 30 days after their end.", "17 * * * *",
                             Scope::platform, 2000, expire_sessions);
const jobs::Job idempotency_job("expire_idempotency_keys", "Removes kept answers of repeated calls after 24 hours.",
                                "*/10 * * * *", Scope::tenants, 2000, expire_idempotency_keys);
const jobs::Job invitations_job("expire_invitations", "Closes invitations whose time is over.", "*/15 * * * *",
                                Scope::tenants, 2000, expire_invitations);
const jobs::Job history_job("trim_job_runs", "Removes good runs after 7 days, failed ones after 30, pg_cron's after 7.",
                            "27 * * * *", Scope::platform, 5000, trim_job_runs);

}  // namespace

}  // namespace factory::api
