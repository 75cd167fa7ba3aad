# The HTTP edge: installed into the place, started as the cluster's user, stopped.

edge_pid() {
  local pid
  pid=$(cat "$place/run/edge.pid" 2>/dev/null) && [ -n "$pid" ] || return 1
  [ "$(head -z -n 1 "/proc/$pid/cmdline" 2>/dev/null | tr -d '\0')" = "$place/bin/factory-edge" ] || return 1
  printf '%s\n' "$pid"
}

edge_runs() {
  edge_pid >/dev/null
}

start_edge() {
  local want
  read_credentials
  export FACTORY_LISTEN=${FACTORY_LISTEN:-$(cat "$place/edge.listen" 2>/dev/null || echo 127.0.0.1:8080)}
  export DATABASE_URL=$edge_database_url
  want=$({ cat "$checkout/build/edge/factory-edge" && env | grep -E '^(FACTORY_|DATABASE_URL|SMTP_|OPENAI_|AI_|JOBS_)'; } | sha256sum)
  if edge_runs; then
    [ "$(cat "$place/edge.loaded" 2>/dev/null)" != "$want" ] || return 0
    stop_edge
  fi
  step "start the edge on $FACTORY_LISTEN"
  # Renamed into place: the one that is there may be running.
  install -m 755 "$checkout/build/edge/factory-edge" "$place/bin/factory-edge.new"
  mv -f "$place/bin/factory-edge.new" "$place/bin/factory-edge"
  if address_is_taken; then
    fail "something else listens on $FACTORY_LISTEN" 'stop it, or choose another: FACTORY_LISTEN=127.0.0.1:8081 make run'
  fi
  as_account bash -c 'ulimit -c 0; echo $$ >"$1/run/edge.pid"; exec setsid -- "$1/bin/factory-edge" >>"$2" 2>&1' \
    - "$place" "$edge_log" </dev/null >/dev/null 2>&1 &
  disown
  await_edge
  printf '%s\n' "$FACTORY_LISTEN" >"$place/edge.listen"
  printf '%s\n' "$want" >"$place/edge.loaded"
}

address_is_taken() {
  (exec 3<>"/dev/tcp/${FACTORY_LISTEN%:*}/${FACTORY_LISTEN##*:}") 2>/dev/null
}

await_edge() {
  local tries
  for tries in $(seq 100); do
    ! curl -s -f -o /dev/null --max-time 1 "http://$FACTORY_LISTEN/readyz" || return 0
    [ "$tries" -lt 20 ] || edge_runs || break
    sleep 0.1
  done
  fail "$(tail -n 5 "$edge_log")" "mend what the last lines of $edge_log name, then run the same make again"
}

stop_edge() {
  local pid
  pid=$(edge_pid) || return 0
  step 'stop the edge'
  kill "$pid" 2>/dev/null || fail "process $pid belongs to $account" 'run the same make as that user or as root'
  timeout 15 tail -f --pid="$pid" /dev/null || kill -9 "$pid"
  rm -f "$place/run/edge.pid"
}

show_status() {
  read_credentials
  printf '%s=%s\n' \
    EDGE_URL "http://$(cat "$place/edge.listen")" \
    APP_URL "$app_url" \
    ADMIN_URL "$admin_url" \
    EDGE_DATABASE_URL "$edge_database_url" \
    EDGE_BINARY "$place/bin/factory-edge" \
    PG_CONFIG "$(echo "$place"/server/lib/postgresql/*/bin/pg_config)" \
    DATA_DIR "$data" \
    LOG "$log" \
    EDGE_LOG "$edge_log" \
    SOCKET_DIR "$socket_dir"
}
