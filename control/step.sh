# Steps: each is named before it runs, and one that fails says which it was, why, and what to do.

step_name='start'

step() {
  step_name=$1
  printf -- '- %s\n' "$1"
}

# fail CAUSE REMEDY
fail() {
  printf '\nfailed: %s\n cause: %s\nremedy: %s\n' "$step_name" "$1" "$2" >&2
  exit 1
}

# try REMEDY COMMAND... runs the command quietly; when it fails, the end of what it said is the cause.
try() {
  local remedy=$1 said
  shift
  if ! said=$("$@" 2>&1 </dev/null); then
    fail "$(printf '%s\n' "${said:-$1 gave no reason}" | tail -n 15)" "$remedy"
  fi
}

random_hex() {
  od -An -v -N"$1" -tx1 /dev/urandom | tr -d ' \n'
}
