# The install script: every file of sql/install.list behind sql/_header.sql. A statement that begins with CREATE OR
# REPLACE loses OR REPLACE, so that at first install nobody's object of that name is taken over; upgrades keep it.
{
  if (tolower($0) ~ /^create or replace /) $0 = substr($0, 1, 6) substr($0, 18)
  print
}
