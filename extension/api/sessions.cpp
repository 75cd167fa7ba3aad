#include "api/sessions.hpp"

#include "api/context.hpp"
#include "pg/spi.hpp"

namespace factory::api::sessions {

using pg::Value;

void end(const core::Uuid& session, const char* reason) {
  static pg::Statement statement(
      "UPDATE factory.sessions SET ended_at = pg_catalog.clock_timestamp(), end_reason = $2"
      " WHERE id = $1 AND ended_at IS NULL");
  const pg::Connection connection;
  statement.run({Value::uuid(session), Value::text(reason)});
}

bool try_end(const core::Uuid& session, const char* reason) {
  static pg::Statement lock(
      "SELECT 1 FROM factory.sessions WHERE id = $1 AND ended_at IS NULL FOR NO KEY UPDATE SKIP LOCKED");
  static pg::Statement is_open("SELECT 1 FROM factory.sessions WHERE id = $1 AND ended_at IS NULL");
  const AsOwner owner;
  const pg::Connection connection;
  if (lock.run({Value::uuid(session)}).empty()) return is_open.run({Value::uuid(session)}).empty();
  end(session, reason);
  return true;
}

}  // namespace factory::api::sessions
