#!/bin/bash
# The module exports its entry points and nothing else, and names the C++ library that it needs.
set -euo pipefail
library=build/platform_factory.so

nm -D --defined-only "$library" | awk '{ print $NF }' | sort >build/exported
awk '/^pg_finfo_/ { print; print substr($0, 10) } /^(Pg_magic_func|_PG_init|factory_worker_main)$/' build/exported | sort -u >build/entries
if ! diff build/entries build/exported >build/exported.diff; then
  printf 'exported beside the entry points (>) or declared without a body (<):\n'
  cat build/exported.diff
  exit 1
fi
grep -q . build/exported && grep -qx Pg_magic_func build/exported && grep -qx _PG_init build/exported || {
  printf '%s has no magic block or no _PG_init\n' "$library"
  exit 1
}
objdump -p "$library" >build/module.headers
for needed in libstdc++.so.6 libcrypto.so.3; do
  grep -Eq "NEEDED +${needed//+/\\+}" build/module.headers || {
    printf '%s does not name %s as needed\n' "$library" "$needed"
    exit 1
  }
done
grep -Eq 'FLAGS_1? .*|BIND_NOW' build/module.headers && readelf -Wl "$library" | grep -q GNU_RELRO &&
  readelf -Wd "$library" | grep -q BIND_NOW || {
  printf '%s is not linked with full RELRO\n' "$library"
  exit 1
}
