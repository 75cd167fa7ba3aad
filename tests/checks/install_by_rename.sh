#!/bin/bash
# Installing again leaves the file that a server has loaded as it was: a new one takes its name. DESTDIR is honoured.
set -euo pipefail
pg_config=$(control/platform pg-config)
root=$PWD/build/destdir
rm -rf "$root"
install_again() {
  env -u MAKEFLAGS -u MAKELEVEL make -s install PG_CONFIG="$pg_config" DESTDIR="$root" >build/destdir.log 2>&1 || {
    cat build/destdir.log
    exit 1
  }
}
install_again
library=$root$("$pg_config" --pkglibdir)/platform_factory.so
before=$(stat -c %i "$library")
exec 3<"$library"
printf 'loaded' >>"$library"
install_again
[ "$(stat -c %i "$library")" != "$before" ] || {
  printf 'make install wrote over %s in place\n' "$library"
  exit 1
}
[ "$(tail -c 6 <&3)" = loaded ] || {
  printf 'make install changed the file that was open\n'
  exit 1
}
for file in platform_factory.control "platform_factory--$(sed -n "s/^default_version *= *'\(.*\)'/\1/p" control/platform_factory.control).sql"; do
  [ -e "$root$("$pg_config" --sharedir)/extension/$file" ] || {
    printf 'make install did not install %s\n' "$file"
    exit 1
  }
done
rm -rf "$root"
