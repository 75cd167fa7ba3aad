#include "api/idempotency.hpp"

#include "crypto/digest.hpp"
#include "crypto/gcm.hpp"
#include "pg/spi.hpp"

extern "C" {
#include "utils/fmgrprotos.h"
}

namespace factory::api {

using core::Problem;
using pg::Value;

namespace {

constexpr std::size_t longest_key = 255;

std::string digest(std::string_view text) {
  const crypto::Sha256Digest bytes = crypto::sha256(crypto::as_bytes(text));
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::string_view view(const core::Uuid& uuid) { return {reinterpret_cast<const char*>(uuid.data()), uuid.size()}; }

// Parts are told apart by their sizes, so that no two lists of parts read alike.
std::string joined(std::initializer_list<std::string_view> parts) {
  std::string text;
  for (const std::string_view part : parts) {
    text += std::to_string(part.size());
    text += ':';
    text += part;
  }
  return text;
}

std::string encode(const HttpAnswer& answer) {
  std::string text = std::to_string(answer.status) + "\n";
  for (const auto& [name, value] : answer.headers) text += name + ": " + value + "\n";
  return text + "\n" + answer.body;
}

HttpAnswer decode(std::string_view text) {
  HttpAnswer answer;
  const auto line = [&text] {
    const std::size_t end = text.find('\n');
    const std::string_view result = text.substr(0, end);
    text.remove_prefix(end + 1);
    return result;
  };
  answer.status = std::stoi(std::string(line()));
  for (std::string_view header = line(); !header.empty(); header = line()) {
    const std::size_t colon = header.find(": ");
    answer.headers.emplace_back(header.substr(0, colon), header.substr(colon + 2));
  }
  answer.body = text;
  return answer;
}

}  // namespace

std::optional<IdempotentCall> IdempotentCall::of(const Declaration& declaration, const HttpRequest& request,
                                                 const Context& caller, const std::optional<core::Uuid>& tenant) {
  const std::string* key = request.header("idempotency-key");
  // Answers of /v1/auth/* are credentials: they are never kept.
  if (key == nullptr || request.method != "POST" || declaration.path.starts_with("/v1/auth/")) return std::nullopt;
  const bool printable = std::all_of(key->begin(), key->end(), [](char c) { return c >= 0x21 && c <= 0x7e; });
  if (key->empty() || key->size() > longest_key || !printable)
    throw Problem("bad_request", "Idempotency-Key is 1 to 255 printable ASCII characters");
  IdempotentCall call;
  call.user_ = caller.user;
  // Only who needs a capability is a member for certain; who accepts an invitation becomes one between call and repeat.
  if (declaration.requires_what == Requires::capability) call.tenant_ = caller.tenant;
  const std::string_view owner = call.tenant_ ? view(*call.tenant_) : std::string_view();
  const std::string_view named = tenant ? view(*tenant) : std::string_view();
  call.key_hash_ = digest(joined({"idempotency key", view(call.user_), owner, *key}));
  call.fingerprint_ = digest(joined({named, request.method, request.target_text, request.body}));
  const crypto::Secret sealing = crypto::hkdf_sha256(crypto::as_bytes(joined({*key, view(call.user_)})), {},
                                                     crypto::as_bytes("platform_factory idempotent answer"), 32);
  call.sealing_key_ = crypto::as_text(sealing.view());
  return call;
}

std::optional<HttpAnswer> IdempotentCall::replay() const {
  std::int64_t lock;
  std::memcpy(&lock, key_hash_.data(), sizeof lock);
  const bool alone = pg::call(
      [lock] { return DatumGetBool(DirectFunctionCall1(pg_try_advisory_xact_lock_int8, Int64GetDatum(lock))); });
  if (!alone) throw Problem("idempotency_in_progress");
  static pg::Statement in_tenant(
      "SELECT fingerprint, answer FROM factory.idempotency_keys"
      " WHERE tenant_id = $3 AND user_id = $1 AND key_hash = $2 AND expires_at > pg_catalog.clock_timestamp()");
  static pg::Statement of_user(
      "SELECT fingerprint, answer FROM factory.user_idempotency_keys"
      " WHERE user_id = $1 AND key_hash = $2 AND expires_at > pg_catalog.clock_timestamp()");
  const pg::Connection connection;
  const pg::Rows rows = tenant_ ? in_tenant.run({Value::uuid(user_), Value::bytea(key_hash_), Value::uuid(*tenant_)})
                                : of_user.run({Value::uuid(user_), Value::bytea(key_hash_)});
  if (rows.empty()) return std::nullopt;
  if (rows.text(0, 1) != fingerprint_) throw Problem("idempotency_mismatch");
  const std::optional<crypto::Secret> opened =
      crypto::gcm_open(crypto::as_bytes(sealing_key_), crypto::as_bytes(key_hash_), crypto::as_bytes(rows.text(0, 2)));
  if (!opened) throw Problem("idempotency_mismatch");
  HttpAnswer answer = decode(crypto::as_text(opened->view()));
  answer.headers.emplace_back("idempotent-replayed", "true");
  return answer;
}

void IdempotentCall::keep(const HttpAnswer& answer) const {
  if (answer.status < 200 || answer.status > 299) return;
  const crypto::Bytes sealed =
      crypto::gcm_seal(crypto::as_bytes(sealing_key_), crypto::as_bytes(key_hash_), crypto::as_bytes(encode(answer)));
  static pg::Statement in_tenant(
      "INSERT INTO factory.idempotency_keys (tenant_id, user_id, key_hash, fingerprint, answer, created_at, expires_at)"
      " VALUES ($5, $1, $2, $3, $4, pg_catalog.clock_timestamp(), pg_catalog.clock_timestamp() + interval '24 hours')"
      " ON CONFLICT (tenant_id, user_id, key_hash) DO UPDATE SET fingerprint = excluded.fingerprint,"
      " answer = excluded.answer, created_at = excluded.created_at, expires_at = excluded.expires_at");
  static pg::Statement of_user(
      "INSERT INTO factory.user_idempotency_keys (user_id, key_hash, fingerprint, answer, created_at, expires_at)"
      " VALUES ($1, $2, $3, $4, pg_catalog.clock_timestamp(), pg_catalog.clock_timestamp() + interval '24 hours')"
      " ON CONFLICT (user_id, key_hash) DO UPDATE SET fingerprint = excluded.fingerprint,"
      " answer = excluded.answer, created_at = excluded.created_at, expires_at = excluded.expires_at");
  const pg::Connection connection;
  if (tenant_)
    in_tenant.run({Value::uuid(user_), Value::bytea(key_hash_), Value::bytea(fingerprint_), Value::bytea(sealed),
                   Value::uuid(*tenant_)});
  else
    of_user.run({Value::uuid(user_), Value::bytea(key_hash_), Value::bytea(fingerprint_), Value::bytea(sealed)});
}

}  // namespace factory::api
