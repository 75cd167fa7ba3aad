// Figures of the server that no SQL shows to an ordinary role.
#pragma once

#include "pg/postgres.hpp"

namespace factory::pg {

// Bytes of the file system that holds the data directory; `free` is what an ordinary user may still fill. Zeros where it
// does not say.
struct Disk {
  double used, free;
};
Disk disk_of_data();

// On a primary: its connected standbys, and how far the last of them is behind. On a standby: how much it has received and
// not yet replayed.
struct Replication {
  int standbys;
  std::int64_t bytes, seconds;
};
Replication replication();

}  // namespace factory::pg
