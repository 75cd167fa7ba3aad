#!/bin/bash
# pg_cron really runs our jobs as factory_jobs over the socket; a job that does not run is missed, and the cause is named.
set -euo pipefail
admin() {
  psql -X -q -A -t -v ON_ERROR_STOP=1 "$ADMIN_URL" "$@"
}
fail() {
  printf '%s\n' "$*"
  exit 1
}
job=expire_idempotency_keys
set_jobs() {
  admin -c "ALTER SYSTEM SET factory.jobs_enabled = $1" -c 'SELECT pg_reload_conf()' >/dev/null
  sleep 0.5
}
clean_up() {
  admin -c 'ALTER SYSTEM RESET factory.jobs_enabled' -c 'SELECT pg_reload_conf()' -c 'ALTER ROLE factory_jobs LOGIN' \
    -c "DELETE FROM factory.job_pauses WHERE job = '$job'" -c 'SELECT FROM factory.install_jobs()' >/dev/null
}
trap clean_up EXIT
set_jobs on
admin -c 'SELECT FROM factory.install_jobs()' >/dev/null

# Every minute instead of every ten: pg_cron asks more often, the job runs once for each of its own times.
admin -c "DELETE FROM factory.job_runs WHERE job = '$job'" \
  -c "UPDATE cron.job SET schedule = '* * * * *' WHERE jobname = 'factory: $job'"
for _ in $(seq 80); do
  run=$(admin -c "SELECT trigger, outcome FROM factory.job_log WHERE job = '$job'")
  [ -z "$run" ] || break
  sleep 1
done
[ "$run" = 'schedule|succeeded' ] || fail "the job ended with: ${run:-nothing within 80 s}"
[ "$(admin -c "SELECT DISTINCT username FROM cron.job_run_details WHERE command ~ '$job'")" = factory_jobs ] ||
  fail 'pg_cron ran it as somebody else'

# missed: the cause that is named for the job; the last good run is two hours ago.
missed() {
  admin -c "DELETE FROM factory.job_runs WHERE job = '$job'" \
    -c "INSERT INTO factory.job_runs VALUES (gen_random_uuid(), '$job', 'schedule', NULL, false, now() - interval '2 hours', now(), 'succeeded', 0)" \
    -c "SELECT cause FROM factory.jobs_missed() WHERE job = '$job'"
}
expect() {
  local cause
  cause=$(missed)
  [ "$cause" = "$1" ] || fail "missed because of '$cause', not $1"
}
expect changed
admin -c 'SELECT FROM factory.install_jobs()' >/dev/null
cause=$(missed)
case $cause in server_down | not_run) ;; *) fail "missed because of '$cause' although all is well" ;; esac
set_jobs off
expect disabled
set_jobs on
admin -c "SELECT factory.pause_job('$job', 'a test')" >/dev/null
expect paused
admin -c "SELECT factory.resume_job('$job')" >/dev/null
admin -c "UPDATE cron.job SET nodename = 'nowhere' WHERE jobname = 'factory: $job'"
expect wrong_node
admin -c "DELETE FROM cron.job WHERE jobname = 'factory: $job'"
expect not_scheduled
admin -c 'SELECT FROM factory.install_jobs()' -c 'ALTER ROLE factory_jobs NOLOGIN' >/dev/null
expect role_gone
admin -c 'ALTER ROLE factory_jobs LOGIN' \
  -c "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'pg_cron launcher'" >/dev/null
sleep 0.5
expect launcher_gone
# What a run after it does: the alarm is over.
admin -c "SELECT factory.run_job('$job')" -c "SELECT cause FROM factory.jobs_missed() WHERE job = '$job'" | grep -q succeeded ||
  fail 'the job failed'
[ -z "$(admin -c "SELECT cause FROM factory.jobs_missed() WHERE job = '$job'")" ] || fail 'it is missed after it ran'
# pg_cron's launcher comes back with the server alone.
control/platform restart >build/jobs.log 2>&1 || fail "$(cat build/jobs.log)"

# Twice at once and killed at any point: the end is that of one clean run.
admin <<'SQL' >/dev/null
INSERT INTO factory.users (id, email, name) VALUES ('0190a000-0000-7000-8000-00000000000a', 'jobs@example.com', 'Jobs') ON CONFLICT DO NOTHING;
INSERT INTO factory.user_idempotency_keys
SELECT '0190a000-0000-7000-8000-00000000000a', sha256(n::text::bytea), '\x01', '\x02', now(), now() + CASE WHEN n <= 30000 THEN -1 ELSE 1 END * interval '1 hour'
FROM generate_series(1, 30100) n;
SQL
for _ in $(seq 10); do
  for _ in 1 2; do
    (psql -X -q -A -t "$ADMIN_URL" -c "SELECT outcome FROM factory.run_job('$job')" >/dev/null 2>&1 || true) &
  done
  sleep 0.0$((RANDOM % 9 + 1))
  admin -c "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query ~ 'run_job' AND pid <> pg_backend_pid()" >/dev/null
  wait
done
admin -c "SELECT factory.run_job('$job')" -c "SELECT factory.run_job('$job')" >/dev/null
left=$(admin -c "SELECT count(*) FROM factory.user_idempotency_keys WHERE user_id = '0190a000-0000-7000-8000-00000000000a'")
admin -c "DELETE FROM factory.user_idempotency_keys WHERE user_id = '0190a000-0000-7000-8000-00000000000a'" \
  -c "DELETE FROM factory.users WHERE id = '0190a000-0000-7000-8000-00000000000a'"
[ "$left" = 100 ] || fail "$left rows are left of 100"
