# Servers of other makers under the same load: PEERS names the folder that holds them. It is copied, never written to.
# Without it, or where something of it does not run, the rows say so and the figures go on. The folder offers:
#
#   run.sh serve    starts a database server with 1,000 tenants of 20 people and 12 modules each, prints the lines
#                   "owner URL", "app URL" (a login under row security), "tokens FILE" and "secret TEXT", and takes all
#                   away when it is terminated
#   NAME/           for each of express-prisma, fastify-pg and better-auth: package.json and package-lock.json, a script
#                   `generate` if code has to be made, and server.mjs, which serves GET /healthz, /api/me and
#                   /api/modules on PORT of loopback from DATABASE_URL with SESSION_SECRET, in WORKERS processes
#                   (0: one, without a cluster), until it is terminated
#   NAME/seed.mjs N where a peer has people of its own: makes those of N tenants in DATABASE_URL and prints their tokens
#
# Tokens are lines of TOKEN, TENANT and whatever else, parted by tabs. Node 20.19 or later has to be there.
# shellcheck shell=bash disable=SC2154

# NAME LOGIN WORKERS REACH TITLE
readonly peer_list='express-prisma owner 0 6 Express+Prisma
fastify-pg app 2 1.5 Fastify+pg, 2 workers
better-auth owner 0 10 better-auth'
readonly peers_home=../../build/peers
peers_missing=
peer_processes=()
declare -A peer_url=() peer_tokens=()

measure_peers() {
  { prepare_peers && start_peers && load_peers; } || peers_missing=${peers_missing:-the peers do not run}
  end_peers
  [ -z "$peers_missing" ] || printf 'the peers are not measured: %s\n' "$peers_missing"
}

# without REASON: no figures of peers, and why.
without() {
  peers_missing=$*
  return 1
}

# A copy with its packages; what npm has brought stays for the next time.
prepare_peers() {
  local folder name log
  [ -n "${PEERS:-}" ] || without 'no PEERS' || return
  folder=$(cd ../.. && realpath -m "$PEERS")
  [ -e "$folder/run.sh" ] || without "PEERS names no folder with a run.sh: $PEERS" || return
  command -v node >/dev/null && command -v npm >/dev/null || without 'node and npm are missing' || return
  mkdir -p "$peers_home" && cp -ru --preserve=timestamps "$folder/." "$peers_home" || without 'the copy failed' || return
  log=$work/npm.log
  while read -r name _; do
    [ "$peers_home/$name/node_modules" -nt "$peers_home/$name/package-lock.json" ] && continue
    printf 'fetch the packages of %s\n' "$name"
    (cd "$peers_home/$name" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error &&
      npm run --if-present --silent generate && touch node_modules) >"$log" 2>&1 </dev/null ||
      without "npm ci of $name: $(tail -n 1 "$log")" || return
  done <<<"$peer_list"
}

start_peers() {
  local said=$work/peers.serve secret name login workers port
  (cd "$peers_home" && PG_BIN=$(readlink -f "$bin") exec bash run.sh serve) >"$said" 2>"$work/peers.log" </dev/null &
  peer_processes+=($!)
  await 120 grep -q '^secret ' "$said" || without "their database server: $(tail -n 1 "$work/peers.log")" || return
  secret=$(said secret)
  while read -r name login workers _; do
    peer_tokens[$name]=$(said tokens)
    if [ -e "$peers_home/$name/seed.mjs" ]; then
      peer_tokens[$name]=$work/$name.tokens
      (cd "$peers_home/$name" && DATABASE_URL=$(said "$login") SESSION_SECRET=$secret NODE_ENV=production node seed.mjs "$callers") \
        >"${peer_tokens[$name]}" 2>"$work/peers.log" </dev/null || without "seed of $name: $(tail -n 1 "$work/peers.log")" || return
    fi
    port=$(free_port)
    peer_url[$name]=http://127.0.0.1:$port
    (cd "$peers_home/$name" && PORT=$port DATABASE_URL=$(said "$login") SESSION_SECRET=$secret WORKERS=$workers \
      NODE_ENV=production exec node server.mjs) >"$work/$name.log" 2>&1 </dev/null &
    peer_processes+=($!)
    await 20 curl -sf -o /dev/null "${peer_url[$name]}/healthz" || without "$name: $(tail -n 1 "$work/$name.log")" || return
  done <<<"$peer_list"
}

# said WORD: what `run.sh serve` printed after it.
said() {
  sed -n "s/^$1 *//p" "$work/peers.serve"
}

# await SECONDS COMMAND...: until it succeeds.
await() {
  local end=$((SECONDS + $1))
  until "${@:2}" 2>/dev/null; do
    [ $SECONDS -lt $end ] || return 1
    sleep 0.1
  done
}

# All of them in turn, at rest while another is asked. Another caller for each request, and a round that only warms up.
load_peers() {
  local name
  for ((round = 0; round <= rounds; round++)); do
    printf 'peers, round %d of %d\n' "$round" "$rounds"
    peer_sample ours_me "$EDGE_URL/v1/me" "$work/callers" || return
    while read -r name _; do
      peer_sample "${name}_me" "${peer_url[$name]}/api/me" "${peer_tokens[$name]}" tenant || return
    done <<<"$peer_list"
    peer_sample ours_list "$EDGE_URL/v1/members?limit=12" "$work/callers" tenant || return
    while read -r name _; do
      peer_sample "${name}_list" "${peer_url[$name]}/api/modules" "${peer_tokens[$name]}" tenant || return
    done <<<"$peer_list"
  done
}

# peer_sample NAME URL CALLERS [tenant]
peer_sample() {
  local rate
  rate=$(http "$2" "$3" 1 "${@:4}" 2>"$work/peers.log") || without "$1: $(tail -n 1 "$work/peers.log")" || return
  [ "$round" = 0 ] || sample "$1" "$rate"
}

end_peers() {
  local process
  for process in "${peer_processes[@]}"; do kill "$process" 2>/dev/null || true; done
  for process in "${peer_processes[@]}"; do wait "$process" 2>/dev/null || true; done
  peer_processes=()
}

show_peers() {
  local name reach title call what
  for call in me list; do
    what='GET /v1/me'
    [ $call = me ] || what='a list of 12'
    while read -r name _ _ reach title; do
      if [ -n "$peers_missing" ]; then
        not_measured "$what through the edge : $title" '>=' "$reach" "$peers_missing"
      else
        row "$what through the edge : $title" "$(median 'v[1]' ours_$call)" "$(median 'v[1]' "${name}_$call")" \
          "$(median 'v[1] / v[2]' ours_$call "${name}_$call")" '>=' "$reach" '%.0f/s'
      fi
    done <<<"$peer_list"
  done
}
