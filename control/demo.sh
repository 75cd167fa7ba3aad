# The demo workspace, made over HTTP as a person would, once; and what to try first.

# call METHOD PATH [BODY] [TOKEN]: the answer's body; fails on a status of 400 or more.
call() {
  local more=()
  [ -z "${3:-}" ] || more+=(-H 'content-type: application/json' -d "$3")
  [ -z "${4:-}" ] || more+=(-H "authorization: Bearer $4")
  curl -s --fail-with-body --max-time 20 -X "$1" "http://$(cat "$place/edge.listen")$2" "${more[@]}"
}

# text_member NAME: the string member of the JSON on standard input.
text_member() {
  sed -n "s/.*\"$1\" *: *\"\([^\"]*\)\".*/\1/p" | head -n 1
}

make_demo() {
  local answer token
  [ ! -e "$place/demo.env" ] || . "$place/demo.env"
  [ -z "${DEMO_TENANT:-}" ] || return 0
  step 'make the demo workspace'
  # The password is kept before it is used: a run that was interrupted goes on with it.
  if [ -z "${DEMO_PASSWORD:-}" ]; then
    DEMO_EMAIL=demo@example.com
    DEMO_PASSWORD=$(random_hex 10)
    (umask 077 && printf 'DEMO_EMAIL=%s\nDEMO_PASSWORD=%s\n' "$DEMO_EMAIL" "$DEMO_PASSWORD" >"$place/demo.env")
  fi
  answer=$(call POST /v1/auth/register \
    "{\"email\":\"$DEMO_EMAIL\",\"password\":\"$DEMO_PASSWORD\",\"name\":\"Demo\"}") ||
    answer=$(call POST /v1/auth/login "{\"email\":\"$DEMO_EMAIL\",\"password\":\"$DEMO_PASSWORD\"}") ||
    fail "the edge answered: $answer" "look at $edge_log and $log"
  token=$(printf '%s' "$answer" | text_member access_token)
  answer=$(call POST /v1/tenants '{"name":"Demo"}' "$token") ||
    fail "the edge answered: $answer" "look at $edge_log and $log"
  printf 'DEMO_TENANT=%s\n' "$(printf '%s' "$answer" | text_member id)" >>"$place/demo.env"
}

show_what_to_try() {
  local url
  url=http://$(cat "$place/edge.listen")
  . "$place/demo.env"
  cat <<TEXT

The platform runs: $url (the API is described at $url/v1/openapi.json)
Signed up: $DEMO_EMAIL with password $DEMO_PASSWORD, owner of workspace Demo ($DEMO_TENANT).
Try:

  curl -s $url/healthz
  TOKEN=\$(curl -s $url/v1/auth/login -H 'content-type: application/json' -d '{"email":"$DEMO_EMAIL","password":"$DEMO_PASSWORD"}' | sed 's/.*"access_token" *: *"\([^"]*\)".*/\1/')
  curl -s $url/v1/me -H "authorization: Bearer \$TOKEN"

SQL as an app: psql "\$(make -s status | sed -n 's/^APP_URL=//p')"
Stop it with make stop; the data stays in $place.
TEXT
}
