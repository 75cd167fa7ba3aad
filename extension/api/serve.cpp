// factory.serve and factory.serve_global: one HTTP call, from the request's bytes to the answer's.
#include "api/account_lock.hpp"
#include "api/arguments.hpp"
#include "api/audit_log.hpp"
#include "api/context.hpp"
#include "api/capability_gate.hpp"
#include "api/idempotency.hpp"
#include "api/json_rows.hpp"
#include "api/problem_mapping.hpp"
#include "api/quota_requests.hpp"
#include "api/rate_limits.hpp"
#include "api/request_info.hpp"
#include "api/safe_mode.hpp"
#include "api/sessions.hpp"
#include "api/verification.hpp"
#include "core/cursor.hpp"
#include "core/etag.hpp"
#include "core/json_document.hpp"
#include "core/json_writer.hpp"
#include "crypto/base62.hpp"

extern "C" {
#include "access/xlog.h"
#include "storage/lock.h"
#include "utils/fmgrprotos.h"
}

namespace factory::api {

using core::Problem;
using core::Uuid;

namespace {

// "Ask again at ..." : the call belongs to a workspace, or to none.
HttpAnswer misdirected(const HttpRequest& request, const std::optional<Uuid>& tenant) {
  HttpAnswer answer = problem_answer(Problem("misdirected"), request.target_text, request_info().request_id);
  answer.headers.emplace_back("x-factory-tenant", tenant ? core::format_uuid(*tenant) : "global");
  return answer;
}

std::string allow_header(const std::vector<std::string>& methods) {
  std::string text = "OPTIONS";
  for (const std::string& method : methods) text += (method == "GET" ? ", GET, HEAD" : ", " + method);
  return text;
}

HttpAnswer unmatched(const HttpRequest& request, const std::vector<std::string>& allowed) {
  HttpAnswer answer;
  if (allowed.empty()) return problem_answer(Problem("not_found"), request.target_text, request_info().request_id);
  if (request.method == "OPTIONS")
    answer.status = 204;
  else
    answer = problem_answer(Problem("method_not_allowed"), request.target_text, request_info().request_id);
  answer.headers.emplace_back("allow", allow_header(allowed));
  return answer;
}

// The bearer token, or nothing. Anything else in Authorization is no credential of ours.
std::optional<std::string> bearer(const HttpRequest& request) {
  const std::string* header = request.header("authorization");
  const std::string* key = request.header("x-api-key");
  if (header == nullptr) {
    if (key != nullptr) throw Problem("invalid_token", "X-API-Key is not a key of this platform");
    return std::nullopt;
  }
  constexpr std::string_view scheme = "bearer ";
  if (header->size() <= scheme.size() || pg_strncasecmp(header->c_str(), scheme.data(), scheme.size()) != 0)
    throw Problem("invalid_token", "Authorization is not Bearer");
  std::string token = header->substr(scheme.size());
  if (key != nullptr && *key != token) throw Problem("ambiguous_credentials");
  return token;
}

// The workspace that a one-time token in the body names in clear, if the function takes such a token.
std::optional<Uuid> tenant_in_body(const Declaration& declaration, const HttpRequest& request) {
  if (declaration.global() || declaration.find_argument("token") == nullptr || request.body.empty())
    return std::nullopt;
  const core::JsonObject body = core::parse_object(request.body);
  const core::JsonField* token = body.find("token");
  constexpr std::size_t prefix = 22;
  if (token == nullptr || token->kind != core::JsonKind::string || token->text.size() <= prefix ||
      token->text[prefix] != '.')
    return std::nullopt;
  return crypto::base62_decode_uuid(std::string_view(token->text).substr(0, prefix));
}

class Call {
 public:
  Call(HttpRequest request, std::optional<Uuid> tenant) : request_(std::move(request)), tenant_(tenant) {}

  HttpAnswer answer() {
    try {
      return route();
    } catch (const Problem& problem) {
      leave_evidence(problem);
      return problem_answer(problem, request_.target_text, request_info().request_id);
    }
  }

 private:
  HttpAnswer route() {
    request_.target = core::parse_request_target(request_.target_text);
    const auto match =
        declarations::router().find(request_.method == "HEAD" ? "GET" : request_.method, request_.target.segments);
    if (match.target == nullptr) return unmatched(request_, match.allowed);
    declaration_ = *match.target;
    pinned_ = declarations::pin();
    if (RecoveryInProgress() && !request_.reads()) throw Problem("primary_required");
    if (declaration_->global() && tenant_) return misdirected(request_, std::nullopt);
    if (const std::optional<Uuid> named = tenant_in_body(*declaration_, request_); named && named != tenant_)
      return misdirected(request_, named);
    if (declaration_->requires_what != Requires::anyone) {
      const std::optional<std::string> token = bearer(request_);
      if (!token) throw Problem("unauthenticated");
      const crypto::JwtClaims claims = verify_access_token(*token);
      caller_ = core::parse_uuid(claims.sub);
      // A one-time token names its workspace itself; one that does not is for the function to refuse.
      const bool token_names_tenant = declaration_->find_argument("token") != nullptr;
      if (!declaration_->global() && !tenant_ && !token_names_tenant) return find_tenant(claims);
      context_ = establish(claims, tenant_,
                           declaration_->requires_what == Requires::user ? Membership::optional : Membership::needed);
      context::mint(*context_);
      safe_mode::check(*declaration_);
      rate_limits::charge(*declaration_, &*context_);
      gate::check(*declaration_);
      if (context_->has_tenant) quota::count_request(*declaration_, context_->tenant, request_.reads());
    } else if (!declaration_->global() && !tenant_) {
      throw Problem("tenant_required");
    } else {
      safe_mode::check(*declaration_);
      rate_limits::charge(*declaration_, nullptr);
    }
    return run(match.captures);
  }

  // The call needs a workspace and named none.
  HttpAnswer find_tenant(const crypto::JwtClaims& claims) {
    const Context person = establish(claims, std::nullopt, Membership::optional);
    const std::optional<Uuid> tenant = sole_tenant(person.user);
    if (!tenant) throw Problem("tenant_required", "you are a member of no workspace").with("tenants", "[]");
    return misdirected(request_, tenant);
  }

  HttpAnswer run(const core::Captures& captures) {
    std::optional<IdempotentCall> idempotent;
    if (context_) idempotent = IdempotentCall::of(*declaration_, request_, *context_, tenant_);
    if (idempotent)
      if (std::optional<HttpAnswer> first = idempotent->replay()) return *first;
    HttpAnswer answer;
    try {
      pg::in_subtransaction(request_.reads() ? pg::Access::read_only : pg::Access::read_write, [&] {
        const pg::Connection connection;
        answer = effect(captures);
        if (idempotent) idempotent->keep(answer);
      });
    } catch (const pg::PostgresError& error) {
      throw problem_of(error, declaration_->shipped);
    }
    return answer;
  }

  // Runs the declared function as factory_app. An app's own function, and whatever its arguments' types bring along, runs
  // as a security-restricted operation in a nest of settings, and leaves no lock behind.
  HttpAnswer effect(const core::Captures& captures) {
    const Arguments arguments(*declaration_, request_, captures);
    const pg::Reads reads = request_.reads() ? pg::Reads::snapshot : pg::Reads::fresh;
    const auto invoke = [&] {
      const gate::Passed passed(declaration_->function);
      HttpAnswer answer = render(arguments.run(*declaration_, reads), arguments);
      // A refusal that waits for the end of the transaction is a refusal of this call.
      if (!request_.reads()) {
        static pg::Statement now("SET CONSTRAINTS ALL IMMEDIATE");
        now.run({});
      }
      return answer;
    };
    if (declaration_->shipped) {
      const pg::RunAs app(app_role(), SECURITY_LOCAL_USERID_CHANGE);
      return invoke();
    }
    HttpAnswer answer = restricted(invoke);
    record_success();
    return answer;
  }

  template <typename Invoke>
  static HttpAnswer restricted(const Invoke& invoke) {
    const pg::SettingsScope settings;
    const pg::RunAs app(app_role(), SECURITY_LOCAL_USERID_CHANGE | SECURITY_RESTRICTED_OPERATION);
    struct Locks {
      ~Locks() { LockReleaseSession(USER_LOCKMETHOD); }
    };
    const Locks locks;
    return invoke();
  }

  // The platform's functions write their own events, which say more; an app's declared one is written here.
  void record_success() {
    if (!declaration_->audit_action || request_.reads()) return;
    audit::Event event;
    event.action = *declaration_->audit_action;
    event.actor = caller_;
    if (context_ && context_->has_tenant) event.tenant = context_->tenant;
    event.metadata = call_facts({});
    audit::record(event);
  }

  HttpAnswer render(const pg::Rows& rows, const Arguments& arguments) {
    HttpAnswer answer;
    answer.status = declaration_->status;
    if (declaration_->reply == Reply::none) return answer;
    answer.headers.emplace_back("content-type", "application/json");
    if (declaration_->reply == Reply::list || declaration_->reply == Reply::array) {
      render_list(rows, arguments, answer);
    } else {
      if (rows.empty()) throw Problem("not_found");
      if (declaration_->columns.front().name.empty())
        render_scalar(rows, answer);
      else
        render_object(rows, answer);
    }
    if (const std::string* prefer = request_.header("prefer");
        prefer != nullptr && *prefer == "return=minimal" && !request_.reads()) {
      answer.body.clear();
      answer.headers.erase(answer.headers.begin());
      answer.headers.emplace_back("preference-applied", "return=minimal");
    }
    return answer;
  }

  void render_object(const pg::Rows& rows, HttpAnswer& answer) {
    append_row(answer.body, rows, 0, declaration_->etag ? "version" : "");
    if (!declaration_->etag) return;
    const int column = pg::call([&rows] { return SPI_fnumber(rows.descriptor(), "version"); });
    if (column > 0) answer.headers.emplace_back("etag", core::format_etag(rows.bigint(0, column)));
  }

  // A document is the answer itself; another single value stands under its function's name.
  void render_scalar(const pg::Rows& rows, HttpAnswer& answer) {
    bool null;
    const Datum value = rows.datum(0, 1, &null);
    const Oid type = declaration_->columns.front().type;
    if (type == JSONOID || type == JSONBOID) return append_value(answer.body, value, null, type);
    if (type == VOIDOID) {
      answer.status = 204;
      answer.headers.clear();
      return;
    }
    answer.body = "{\"result\":";
    append_value(answer.body, value, null, type);
    answer.body += "}";
  }

  void render_list(const pg::Rows& rows, const Arguments& arguments, HttpAnswer& answer) {
    const bool paged = declaration_->reply == Reply::list;
    const std::uint64_t size = paged ? static_cast<std::uint64_t>(arguments.page_size()) : rows.count();
    const std::uint64_t shown = std::min(rows.count(), size);
    answer.body = "{\"data\":[";
    for (std::uint64_t row = 0; row < shown; ++row) {
      if (row > 0) answer.body += ',';
      append_row(answer.body, rows, row);
    }
    answer.body += "]";
    if (paged) {
      const bool more = rows.count() > shown;
      answer.body += ",\"next_cursor\":";
      if (more) {
        const int column = pg::call([&] { return SPI_fnumber(rows.descriptor(), declaration_->page_key.c_str()); });
        answer.body += '"' + core::encode_cursor(declaration_->path, rows.uuid(shown - 1, column)) + '"';
      } else {
        answer.body += "null";
      }
      answer.body += more ? ",\"has_more\":true" : ",\"has_more\":false";
    }
    answer.body += "}";
  }

  // {"method": ..., "path": ...} of this call, and the code that it was refused with.
  std::string call_facts(std::string_view code) const {
    std::string path, json;
    for (const std::string& segment : request_.target.segments) path += "/" + segment;
    core::JsonWriter writer(json);
    writer.begin_object();
    if (!code.empty()) writer.member("code", code);
    writer.member("method", request_.method).member("path", path).end_object();
    return json;
  }

  // What was refused, by whom and where, in the outer transaction that commits.
  void leave_evidence(const Problem& problem) {
    if (RecoveryInProgress()) return;
    if (const std::optional<block_log::Entry> block = rate_limits::take_block()) block_log::write(*block);
    if (const std::optional<audit::Evidence> evidence = audit::take_evidence()) {
      if (evidence->locks_account) write_lock(*evidence->locks_account);
      if (evidence->ends_session) sessions::end(*evidence->ends_session, sessions::token_reused);
      audit::record(evidence->event);
      return;
    }
    const std::string_view code = problem.kind().code;
    const bool stranger = code == "tenant_not_found" && caller_ && tenant_;
    if (problem.kind().status != 403 && !stranger) return;
    audit::Event event;
    event.action = declaration_ != nullptr && declaration_->audit_action ? *declaration_->audit_action : "call.refused";
    event.outcome = "denied";
    event.actor = caller_;
    // Somebody who is no member must not be able to fill a workspace's log.
    if (context_ && context_->has_tenant) event.tenant = context_->tenant;
    if (stranger) {
      event.target_type = "tenant";
      event.target_id = core::format_uuid(*tenant_);
    }
    event.metadata = call_facts(code);
    audit::record(event);
  }

  HttpRequest request_;
  std::optional<Uuid> tenant_;
  const Declaration* declaration_ = nullptr;
  std::shared_ptr<const void> pinned_;  // the declarations may be loaded anew while the call runs
  std::optional<Uuid> caller_;
  std::optional<Context> context_;
};

std::map<std::string, std::string, std::less<>> read_headers(Datum document) {
  std::map<std::string, std::string, std::less<>> headers;
  std::string name;
  pg::call([&, document] {
    Jsonb* object = DatumGetJsonbP(document);
    if (!JB_ROOT_IS_OBJECT(object))
      ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("request_headers must be a JSON object")));
    JsonbIterator* iterator = JsonbIteratorInit(&object->root);
    JsonbValue value;
    JsonbIteratorToken token;
    while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE) {
      if (token == WJB_KEY)
        name.assign(value.val.string.val, static_cast<std::size_t>(value.val.string.len));
      else if (token == WJB_VALUE && value.type == jbvString)
        headers[name].assign(value.val.string.val, static_cast<std::size_t>(value.val.string.len));
    }
  });
  return headers;
}

Datum serve(FunctionCallInfo fcinfo, const std::optional<Uuid>& tenant, int first) {
  HttpRequest request;
  request.method = pg::text_argument(fcinfo, first, "method");
  request.target_text = pg::text_argument(fcinfo, first + 1, "target");
  if (!fcinfo->args[first + 2].isnull) request.headers = read_headers(fcinfo->args[first + 2].value);
  if (!fcinfo->args[first + 3].isnull) request.body = pg::to_text(fcinfo->args[first + 3].value);
  if (!fcinfo->args[first + 4].isnull) {
    const Datum peer = fcinfo->args[first + 4].value;
    request.peer = pg::call([peer] { return DatumGetCString(DirectFunctionCall1(inet_out, peer)); });
  }
  RequestInfo& info = request_info();
  struct Forget {
    RequestInfo& info;
    ~Forget() { info = RequestInfo(); }
  };
  const Forget forget{info};
  info.over_http = true;
  info.peer = request.peer;
  if (const std::string* id = request.header("x-request-id")) info.request_id = *id;
  if (const std::string* agent = request.header("user-agent")) info.user_agent = agent->substr(0, 500);
  audit::take_evidence();
  rate_limits::begin();
  HttpAnswer answer;
  {
    // The context of this call ends with it, on every exit.
    const pg::SettingsScope settings;
    answer = Call(std::move(request), tenant).answer();
  }
  if (const rate_limits::Headers& told = rate_limits::headers(); !told.policies.empty()) {
    answer.headers.emplace_back("ratelimit-policy", told.policies);
    answer.headers.emplace_back("ratelimit", told.state);
  }
  return pg::row_result(
      fcinfo, {pg::Value::integer(answer.status), pg::Value::datum(JSONBOID, pg::jsonb_object(answer.headers)),
               pg::Value::bytea(answer.body)});
}

}  // namespace

FACTORY_FUNCTION(factory_serve) { return serve(fcinfo, pg::uuid_argument(fcinfo, 0, "tenant"), 1); }

FACTORY_FUNCTION(factory_serve_global) { return serve(fcinfo, std::nullopt, 0); }

}  // namespace factory::api
