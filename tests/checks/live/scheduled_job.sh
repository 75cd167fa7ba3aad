#!/bin/bash
# pg_cron really runs a job of factory_jobs over the socket: its launcher lets a failed connection pass in silence.
set -euo pipefail
admin() {
  psql -X -q -A -t -v ON_ERROR_STOP=1 "$ADMIN_URL" "$@"
}
trap "admin -c \"DELETE FROM cron.job WHERE jobname = 'check'\"" EXIT
admin -c "SELECT cron.schedule('check', '* * * * *', 'SELECT session_user')" \
  -c "UPDATE cron.job SET username = 'factory_jobs' WHERE jobname = 'check'" >/dev/null
for _ in $(seq 80); do
  run=$(admin -c "SELECT status, username, return_message FROM cron.job_run_details
                   WHERE command = 'SELECT session_user' AND status IN ('succeeded', 'failed') ORDER BY runid DESC LIMIT 1")
  [ -z "$run" ] || break
  sleep 1
done
case "$run" in
  'succeeded|factory_jobs|'*) ;;
  *) printf 'the job ended with: %s\n' "${run:-nothing within 80 s}" && exit 1 ;;
esac
