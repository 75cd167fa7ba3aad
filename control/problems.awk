# control/problems.tsv -> build/problems.inc: PROBLEM("code", 400, "PT400", "title", "hint") a line, for both sides.
/^#/ || /^$/ { next }
NF != 5 || $2 !~ /^[45][0-9][0-9]$/ || $3 !~ /^[0-9A-Z][0-9A-Z][0-9A-Z][0-9A-Z][0-9A-Z]$/ || $1 in seen || /["\\]/ {
  printf "control/problems.tsv:%d: want a new code, status, sqlstate, title and hint, tab-separated, unquoted\n", NR > "/dev/stderr"
  exit 1
}
{ seen[$1]; printf "PROBLEM(\"%s\", %s, \"%s\", \"%s\", \"%s\")\n", $1, $2, $3, $4, $5 }
