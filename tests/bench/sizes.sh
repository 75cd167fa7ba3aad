# Does a platform of 10,000 workspaces answer as one of 10 does? Two more throw-away platforms, alike but for that, and the
# same calls at them in turn, each time over new connections, since a plan kept from before knows other tables.
# shellcheck shell=bash disable=SC2154

readonly size_names='few many'
readonly size_calls='serve_me serve_members serve_tenant serve_audit_logs sign_in invite_and_cancel'
declare -A size_place=() size_workspaces=([few]=10 [many]=10000) size_app=() size_edge=()

# Call by call, the one that writes last: its events would stand in the way of the few alone.
measure_sizes() {
  local name order call
  for name in $size_names; do start_size "$name"; done
  for call in $size_calls; do
    printf '%s with few and many workspaces\n' "$call"
    for ((round = 1; round <= rounds; round++)); do
      order=$size_names
      ((round % 2)) || order='many few'
      for name in $order; do sample "${name}_$call" "$(size_rate "$name" "$call")"; done
    done
  done
  end_sizes
}

# start_size few|many
start_size() {
  local line
  size_place[$1]=$(dirname "$DATA_DIR")$1
  FACTORY_PLACE=${size_place[$1]} FACTORY_LISTEN=127.0.0.1:$(free_port) bash -ec '
    for door in server edge status; do ../../control/platform $door; done' >"$work/out" 2>&1 || die "$(tail -n 5 "$work/out")"
  while IFS= read -r line; do
    case $line in
      APP_URL=*) size_app[$1]=${line#*=} ;;
      EDGE_DATABASE_URL=*) size_edge[$1]=${line#*=} ;;
      ADMIN_URL=*)
        ADMIN_URL=${line#*=} as_admin -o /dev/null -v "workspaces=${size_workspaces[$1]}" -f ../generous_limits.sql -f workspaces.sql
        ;;
    esac
  done <"$work/out"
}

# size_rate few|many CALL: runs a second. How fast the disk writes a commit is not asked here.
size_rate() {
  # shellcheck disable=SC2034
  local url=${size_edge[$1]} callers=${size_workspaces[$1]}
  [ "$2" != sign_in ] || url=${size_app[$1]}
  PGOPTIONS='-c synchronous_commit=off' calls "$2" "$url" "$connections"
}

end_sizes() {
  local name
  for name in "${!size_place[@]}"; do
    FACTORY_PLACE=${size_place[$name]} ../../control/platform stop >/dev/null 2>&1
    rm -rf "${size_place[$name]}"
    unset "size_place[$name]"
  done
}

show_sizes() {
  local call
  for call in $size_calls; do
    row "time of $call, 10,000 workspaces : 10" "$(median '1e6 / v[1]' "many_$call")" "$(median '1e6 / v[1]' "few_$call")" \
      "$(median 'v[2] / v[1]' "many_$call" "few_$call")" '<=' 1.15 '%.1f us'
  done
}
