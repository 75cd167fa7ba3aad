#!/bin/bash
# The doors as a person uses them: what `make run` prints can be pasted, again means at once, status and stop tell.
set -euo pipefail
fail() {
  printf '%s\n' "$*"
  exit 1
}
said=build/doors.said
control/platform run >"$said" 2>&1 || fail "$(cat "$said")"
begin=$SECONDS
control/platform run >"$said" 2>&1 || fail "$(cat "$said")"
[ $((SECONDS - begin)) -lt 10 ] || fail 'a second run took 10 s or more'

sed -n 's/^  \(\(curl\|TOKEN\).*\)/\1/p' "$said" >build/doors.pasted
[ "$(wc -l <build/doors.pasted)" -eq 3 ] || fail "not three lines to try: $(cat "$said")"
answers=$(bash -euo pipefail build/doors.pasted) || fail "the lines to try fail: $answers"
grep -q '"status" *: *"ok"' <<<"$answers" || fail "healthz says: $answers"
grep -q '"name" *: *"Demo"' <<<"$answers" || fail "me does not show the demo workspace: $answers"

keys=$(make -s status | sed 's/=.*//' | paste -sd' ')
for key in EDGE_URL APP_URL ADMIN_URL PG_CONFIG DATA_DIR LOG; do
  [[ " $keys " == *" $key "* ]] || fail "status does not print $key"
done

control/platform stop >/dev/null
code=0
control/platform status >build/doors.status 2>&1 || code=$?
[ $code -eq 3 ] || fail "status of a stopped platform exits with $code: $(cat build/doors.status)"
control/platform stop >/dev/null || fail 'stopping twice fails'
[ -z "$(pgrep -f "$(dirname "$DATA_DIR")/" || true)" ] || fail "still running: $(pgrep -af "$(dirname "$DATA_DIR")/")"
control/platform run >"$said" 2>&1 || fail "$(cat "$said")"

# An address that is taken is said so, with what to do.
other=$(FACTORY_LISTEN=${EDGE_URL#http://} FACTORY_PLACE=$(dirname "$DATA_DIR")2 bash -c '
  control/platform server >/dev/null 2>&1 && control/platform edge 2>&1; control/platform stop >/dev/null 2>&1
  rm -rf "$FACTORY_PLACE"' || true)
grep -q 'listens on' <<<"$other" && grep -q 'remedy:.*FACTORY_LISTEN=' <<<"$other" || fail "a taken port is answered with: $other"
