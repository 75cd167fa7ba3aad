# Debian packages: what each door needs, and apt-get for what is missing.

# The server's major version: PG_MAJOR, else the newest that is installed whole, else the distribution's default.
server_major() {
  local root
  if [ -n "${PG_MAJOR:-}" ]; then
    printf '%s\n' "$PG_MAJOR"
    return
  fi
  for root in $(printf '%s\n' /usr/lib/postgresql/* | sort -rV); do
    if [ -x "$root/bin/postgres" ] && [ -e "$root/lib/pg_cron.so" ] && [ -e "$root/lib/pgxs/src/makefiles/pgxs.mk" ]; then
      basename "$root"
      return
    fi
  done
  apt-cache show postgresql 2>/dev/null | sed -n 's/^Version: \([0-9]*\)+.*/\1/p' | sort -rn | head -n 1
}

system_pg_config() {
  printf '/usr/lib/postgresql/%s/bin/pg_config\n' "$(server_major)"
}

# package_list run|test|bench
package_list() {
  local major
  major=$(server_major)
  printf '%s\n' "postgresql-$major" "postgresql-$major-cron" "postgresql-server-dev-$major" \
    g++ pkg-config libssl-dev libsimdjson-dev libpq-dev libcpp-httplib-dev libcli11-dev \
    libcurl4-openssl-dev ca-certificates curl
  case "$1" in
    test)
      printf '%s\n' clang libclang-rt-dev libgtest-dev pgbouncer \
        python3 python3-aiosmtpd python3-cryptography python3-pytest python3-psycopg2 python3-jsonschema nodejs npm
      # The release that lays the C++ out; only Debian 12 has it, and elsewhere that check is skipped.
      ! apt-cache show clang-format-14 >/dev/null 2>&1 || printf 'clang-format-14\n'
      ;;
    bench) printf '%s\n' wrk ;;
  esac
}

# One line for each package of the list that is not installed; a command that is there counts as its package.
missing_packages() {
  local name
  for name in "$@"; do
    case "$name" in
      nodejs) command -v node >/dev/null && continue ;;
      npm) command -v npm >/dev/null && continue ;;
    esac
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$name" 2>/dev/null)" = installed ] || printf '%s\n' "$name"
  done
}

apt_get() {
  local as_root=()
  [ "$(id -u)" = 0 ] || as_root=(sudo)
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 "$@"
}

packages() {
  local wanted missing
  step "look for the packages of make $1"
  if [ -z "$(server_major)" ]; then
    update_lists
  fi
  mapfile -t wanted < <(package_list "$1")
  mapfile -t missing < <(missing_packages "${wanted[@]}")
  [ ${#missing[@]} -gt 0 ] || return 0
  update_lists
  step "install ${missing[*]}"
  try 'look at what apt-get says; afterwards run the same make again' apt_get install --no-install-recommends -y "${missing[@]}"
}

update_lists() {
  step 'update the package lists'
  if [ "$(id -u)" != 0 ] && ! command -v sudo >/dev/null; then
    fail "packages are missing and this user may not install them: $(package_list run | tr '\n' ' ')" \
      'run the same make as root once, or install them'
  fi
  try 'see that this machine reaches its Debian mirror, then run the same make again' apt_get update
}
