# The private server prefix: copies of the programs that find their libraries relative to themselves, links to all the
# rest of the packaged server, and our module installed beside them. The packaged server is never written to.

make_prefix() {
  local system major stamp
  system=$(system_pg_config)
  if [ ! -x "$system" ]; then
    fail "there is no $system" 'run make run, which installs the packages, or set PG_MAJOR to an installed version'
  fi
  prefix=$place/server
  major=$(server_major)
  pg_bin=$prefix/lib/postgresql/$major/bin
  pg_config=$pg_bin/pg_config
  stamp=$("$system" --version)
  [ "$(cat "$prefix/made" 2>/dev/null)" != "$stamp" ] || return 0
  step "make the private server prefix ($stamp)"
  try "see that the packages of $stamp are whole, and that $place may be written" lay_out_prefix "$system"
  printf '%s\n' "$stamp" >"$prefix/made"
}

lay_out_prefix() {
  local name bin lib share
  bin=$("$1" --bindir)
  lib=$("$1" --pkglibdir)
  share=$("$1" --sharedir)
  rm -f "$prefix/made"
  link_entries "$bin" && link_entries "$lib" && link_entries "$share" && link_entries "$share/extension"
  # Renamed into place: the one that is there may be running.
  for name in postgres initdb pg_ctl pg_config; do
    cp "$bin/$name" "$(inside "$bin")/$name.new" && mv -f "$(inside "$bin")/$name.new" "$(inside "$bin")/$name"
  done
  mkdir -p "$prefix/include"
  ln -sfn /usr/include/postgresql "$prefix/include/postgresql"
}

inside() {
  printf '%s\n' "$prefix/${1#/usr/}"
}

# Links each entry of a packaged folder into its counterpart, but what was made there as a folder or file of our own.
link_entries() {
  local target name
  target=$(inside "$1")
  mkdir -p "$target"
  find "$target" -maxdepth 1 -type l -delete
  for name in "$1"/*; do
    case "$name" in "$1/extension" | */platform_factory*) continue ;; esac
    [ -e "$target/${name##*/}" ] || ln -s "$name" "$target/"
  done
}

# Brings the build into the prefix. A running server keeps the library that it has loaded: PGXS renames into place.
install_extension() {
  if [ ! -e "$checkout/build/platform_factory.so" ]; then
    fail 'there is no build/platform_factory.so' 'run make run, which builds it first'
  fi
  step 'install the extension into the private prefix'
  try 'see that the build is whole: make clean, then the same make again' \
    env -u MAKEFLAGS -u MAKELEVEL make -C "$checkout/build" -f ../control/module.mk PG_CONFIG="$pg_config" install
}
