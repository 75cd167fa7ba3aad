# Where the platform lives and whose it is.
#
# All of it stands in one folder, the place: server/ (private prefix), data/ (cluster), run/ (sockets, pid files), bin/
# (the edge as installed), log/, secrets (keys, for the server alone), credentials (passwords of the logins), demo.env.
# The place is .local of the checkout. Where the ordinary user that runs the server cannot enter the checkout, or its
# path is too long for a socket or has characters that PGXS cannot take, it is a folder of /var/lib (for root) or
# /var/tmp named after the checkout.

readonly database=platform
readonly longest_place=74 # a socket path may have 107 bytes, of which a test adds up to 33

find_place() {
  local outside
  outside=platform-factory-$(printf '%s' "$checkout" | sha256sum | cut -c1-12)
  if [ -n "${FACTORY_PLACE:-}" ]; then
    place=$(realpath -m "$FACTORY_PLACE")
  elif [ -d "/var/lib/$outside/data" ]; then
    place=/var/lib/$outside
  elif [ -d "/var/tmp/$outside/data" ]; then
    place=/var/tmp/$outside
  else
    place=$checkout/.local
    find_account
    if ! may_enter "$checkout" || [ ${#place} -gt $longest_place ] || [[ $place == *[!A-Za-z0-9/._+-]* ]]; then
      if [ "$(id -u)" = 0 ]; then place=/var/lib/$outside; else place=/var/tmp/$outside; fi
    fi
  fi
  find_account
  data=$place/data
  socket_dir=$place/run
  log=$place/log/postgres.log
  edge_log=$place/log/edge.log
}

# The ordinary user that owns cluster and edge: who owns it already, else the caller; for root the owner of the
# checkout, else postgres.
find_account() {
  account=
  if [ -d "$place/data" ]; then
    account=$(stat -c %U "$place/data")
  elif [ "$(id -u)" != 0 ]; then
    account=$(id -un)
  else
    account=$(stat -c %U "$checkout")
  fi
  if [ "$account" = root ] || ! id -u "$account" >/dev/null 2>&1; then
    account=postgres
  fi
}

# With sudo in somebody's own checkout, all but the packages is done as that person, so that nothing there becomes root's.
leave_root() {
  if [ "$(id -u)" = 0 ] && [ "$account" = "$(stat -c %U "$checkout")" ]; then
    exec setpriv --reuid="$account" --regid="$(id -g "$account")" --init-groups \
      env HOME="$(getent passwd "$account" | cut -d: -f6)" "$checkout/control/platform" "$@"
  fi
}

may_enter() {
  as_account test -x "$1" 2>/dev/null
}

# Runs a command as the account; the environment stays, but for HOME.
as_account() {
  if [ "$(id -un)" = "$account" ]; then
    "$@"
  else
    setpriv --reuid="$account" --regid="$(id -g "$account")" --init-groups env HOME="$place" "$@"
  fi
}

make_place() {
  step "use $place as user $account"
  if [ "$(id -u)" != 0 ] && [ "$(id -un)" != "$account" ]; then
    fail "$place belongs to $account" 'run the same make as that user or as root'
  fi
  case "$place" in "$checkout"/*) ;; *)
    if [ -z "${FACTORY_PLACE:-}" ]; then
      printf '  (%s cannot hold it: user %s must be able to enter, and the path be short and plain)\n' "$checkout" "$account"
    fi
    ;;
  esac
  try "let $(id -un) write there" mkdir -p "$place" "$place/bin"
  if [ ! -O "$place" ] && [ "$(id -u)" != 0 ]; then
    fail "$place belongs to $(stat -c %U "$place")" 'remove it, or run the same make as its owner'
  fi
  try "look at who owns $place" install -d -o "$account" -m 755 "$place/run" "$place/log"
  make_secrets
}

# Keys and passwords are made once. The server alone reads the keys, whoever ran make the passwords.
make_secrets() {
  if [ ! -e "$place/secrets" ]; then
    step 'make the keys and passwords'
    (
      umask 077
      printf 'SESSION_SECRET=%s\nENCRYPTION_KEY=%s\n' "$(random_hex 32)" "$(random_hex 32)" >"$place/secrets.new"
      printf '%s_PASSWORD=%s\n' ADMIN "$(random_hex 16)" APP "$(random_hex 16)" EDGE "$(random_hex 16)" \
        >"$place/credentials"
    )
    try "look at who owns $place" chown "$account" "$place/secrets.new"
    mv "$place/secrets.new" "$place/secrets"
  fi
  read_credentials
}

read_credentials() {
  if [ ! -r "$place/credentials" ]; then
    fail "$(id -un) cannot read $place/credentials" 'run the same make as its owner or as root'
  fi
  . "$place/credentials"
  local host=${socket_dir// /%20}
  admin_url="postgresql://postgres:$ADMIN_PASSWORD@/$database?host=$host"
  app_url="postgresql://app_login:$APP_PASSWORD@/$database?host=$host"
  edge_database_url="postgresql://factory_edge:$EDGE_PASSWORD@/$database?host=$host"
}
