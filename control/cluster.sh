# The private cluster: made once, configured at each start, started and stopped.

make_cluster() {
  if [ ! -e "$data" ]; then
    step "make the cluster $data"
    rm -rf "$data.new"
    if ! initialize "$data.new"; then
      fail "$(tail -n 15 "$place/initdb.log")" "see that $place has room and that user $account may write there"
    fi
    mv "$data.new" "$data"
  elif [ "$(cat "$data/PG_VERSION")" != "$("$pg_config" --version | sed 's/^[^0-9]*\([0-9]*\).*/\1/')" ]; then
    fail "$data was made by PostgreSQL $(cat "$data/PG_VERSION")" \
      "set PG_MAJOR=$(cat "$data/PG_VERSION"), or move the data with pg_dump and pg_restore"
  fi
  write_settings
}

# initialize FOLDER: a whole cluster, or a failure; the log has what was said.
initialize() {
  {
    install -d -o "$account" -m 700 "$1" &&
      write_as_account "$place/run/admin" <<<"$ADMIN_PASSWORD" &&
      as_account "$pg_bin/initdb" -D "$1" -U postgres --pwfile="$place/run/admin" --auth=scram-sha-256 \
        --encoding=UTF8 --locale=C.UTF-8 --data-checksums --no-instructions &&
      rm "$place/run/admin" &&
      # pg_cron looks for its database as soon as it is loaded, so the database is there before the first real start.
      as_account "$pg_bin/postgres" --single -D "$1" postgres <<<"CREATE DATABASE $database" &&
      as_account tee -a "$1/postgresql.conf" <<<"include 'platform.conf' # written at each start; ALTER SYSTEM overrides it"
  } >"$place/initdb.log" 2>&1
}

# Standard input becomes a file that only the account can read.
write_as_account() {
  as_account sh -c 'umask 077 && cat >"$0"' "$1"
}

write_settings() {
  write_as_account "$data/platform.conf" <<CONF
listen_addresses = ''
unix_socket_directories = '${socket_dir//\'/\'\'}'
password_encryption = scram-sha-256
shared_preload_libraries = 'pg_cron,platform_factory'
cron.database_name = '$database'
cron.host = '${socket_dir//\'/\'\'}'
cron.use_background_workers = off
factory.database = '$database'
factory.jobs_enabled = '${JOBS_ENABLED:-true}'
factory.secrets_file = '${place//\'/\'\'}/secrets'
timezone = 'UTC'
log_timezone = 'UTC'
log_line_prefix = '%m [%p] %q%u@%d '
log_parameter_max_length = 0
log_parameter_max_length_on_error = 0
jit = off
CONF
  write_as_account "$data/pg_hba.conf" <<CONF
# Jobs come over the socket as the server's own user; all others bring a password.
local  $database  factory_jobs  peer map=jobs
local  all        all           scram-sha-256
CONF
  printf 'jobs  %s  factory_jobs\n' "$account" | write_as_account "$data/pg_ident.conf"
}

# The process id of the postmaster on this data folder; fails when there is none.
server_pid() {
  local pid
  pid=$(head -n 1 "$data/postmaster.pid" 2>/dev/null) && [ -n "$pid" ] || return 1
  tr '\0' '\n' <"/proc/$pid/cmdline" 2>/dev/null | grep -Fxq -- "$data" || return 1
  printf '%s\n' "$pid"
}

# The data folder is closed to other users, so `status` asks the socket.
server_runs() {
  local major
  server_pid >/dev/null 2>&1 && return 0
  [ -S "$socket_dir/.s.PGSQL.5432" ] || return 1
  for major in "$place"/server/lib/postgresql/*/bin/pg_isready; do
    "$major" -q -h "$socket_dir"
    return
  done
}

# What a running server has loaded: when it differs from what is installed, it has to start again.
server_fingerprint() {
  cat "$pg_bin/postgres" "$("$pg_config" --pkglibdir)/platform_factory.so" "$data/platform.conf" "$data/pg_hba.conf" \
    "$data/pg_ident.conf" "$place/secrets" | sha256sum
}

start_server() {
  local want deadline
  want=$(server_fingerprint)
  if server_pid >/dev/null; then
    [ "$(cat "$place/server.loaded" 2>/dev/null)" != "$want" ] || return 0
    stop_edge
    stop_server
  fi
  step "start the server on $socket_dir"
  drop_stale_pid_file
  deadline=$((SECONDS + 40))
  # After a kill the orphans of the old server hold its shared memory for some seconds.
  until as_account bash -c 'ulimit -c 0; exec "$0" -s -w -t 60 -D "$1" -l "$2" start' "$pg_bin/pg_ctl" "$data" "$log" \
    >"$place/start.log" 2>&1 </dev/null; do
    if [ $SECONDS -ge $deadline ] || ! tail -n 20 "$log" | grep -Eq 'pre-existing shared memory|lock file .* already exists'; then
      fail "$(tail -n 8 "$log")" "mend what the last lines of $log name, then run the same make again"
    fi
    sleep 0.5
  done
  printf '%s\n' "$want" >"$place/server.loaded"
}

# A pid file whose process is something else by now (a restarted container hands out the same numbers again).
drop_stale_pid_file() {
  local pid
  pid=$(head -n 1 "$data/postmaster.pid" 2>/dev/null) || return 0
  if [ -e "/proc/$pid" ] && ! tr '\0' '\n' <"/proc/$pid/cmdline" | grep -q postgres; then
    rm -f "$data/postmaster.pid" "$socket_dir"/.s.PGSQL.5432*
  fi
}

stop_server() {
  server_pid >/dev/null 2>&1 || return 0
  step 'stop the server'
  find_programs
  try "look at $log" as_account "$pg_bin/pg_ctl" -s -w -t 60 -m fast -D "$data" stop
}

find_programs() {
  prefix=$place/server
  pg_bin=$(dirname "$(readlink -f "/proc/$(server_pid)/exe" | sed 's/ (deleted)$//')")
  pg_config=$pg_bin/pg_config
}

psql_as_admin() {
  PGPASSWORD=$ADMIN_PASSWORD "$pg_bin/psql" -X -q -v ON_ERROR_STOP=1 -h "$socket_dir" -U postgres -d "$database" "$@"
}

provision() {
  step 'bring extension and logins up to date'
  export APP_PASSWORD EDGE_PASSWORD
  try "look at $log" psql_as_admin -f "$checkout/control/provision.sql"
}
