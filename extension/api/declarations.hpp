// The declared functions, read from factory.routes and cached per backend until that table changes.
#pragma once

#include "core/roles.hpp"
#include "core/router.hpp"
#include "pg/spi.hpp"

namespace factory::api {

enum class Requires : std::uint8_t { anyone, user, capability, operator_role };

struct Argument {
  std::string name;
  Oid type;
  bool has_default;
};

struct Column {
  std::string name;
  Oid type;
};

enum class Reply : std::uint8_t { none, object, list, array, document };

struct Declaration {
  Oid function = InvalidOid;
  std::string name;  // factory.list_members, quoted where needed
  std::string signature;
  std::string method, path, scope, summary, rate_class, page_key;
  Requires requires_what = Requires::anyone;
  std::string requires_text;
  core::Capability capability{};
  std::optional<std::string> audit_action;
  std::vector<std::string> problems;
  std::vector<std::string> nullable;  // columns that may be null
  std::string schemas = "{}";         // JSON object: column name to JSON Schema
  Reply reply = Reply::object;
  int status = 200;
  bool etag = false;
  bool shipped = false;
  bool returns_set = false;
  std::vector<Argument> arguments;
  std::vector<Column> columns;  // of the result; one without name for a scalar
  // Plans by the set of arguments given; the others take their defaults.
  mutable std::map<std::uint64_t, std::unique_ptr<pg::Statement>> statements;

  bool global() const { return scope == "global"; }
  bool gated() const { return requires_what != Requires::anyone; }
  const Argument* find_argument(std::string_view name) const;
};

namespace declarations {

// Registers the invalidation of the cache; called once at load.
void install();

// Grows whenever cached rows of factory.routes or factory.signing_keys may be stale; never 0.
std::uint64_t cache_epoch();

// The declaration of a function, or nullptr. Never fails: outside of a transaction, or where the extension is not
// installed, nothing is declared.
const Declaration* find(Oid function);

// Keeps the declarations and plans that pointers refer to, whatever is reloaded meanwhile.
std::shared_ptr<const void> pin();

// The router over all declared HTTP calls.
const core::Router<const Declaration*>& router();

// Every declaration, in the order of method and path.
std::vector<const Declaration*> all();

// Audit action of the function being run, as declared.
std::string action_of(FunctionCallInfo fcinfo);

}  // namespace declarations

}  // namespace factory::api
