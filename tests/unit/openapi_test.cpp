#include "core/openapi.hpp"

#include <gtest/gtest.h>

#include <set>
#include <stdexcept>

#include "crypto/strict_json.hpp"

namespace factory::core {
namespace {

namespace dom = simdjson::dom;

ApiField field(std::string name, std::string type = "string", std::string format = "") {
  ApiField made;
  made.name = std::move(name);
  made.type = std::move(type);
  made.format = std::move(format);
  return made;
}

Operation operation(std::string id, std::string method, std::string path) {
  Operation made;
  made.operation_id = std::move(id);
  made.method = std::move(method);
  made.path = std::move(path);
  made.summary = "Does " + made.operation_id;
  made.tag = "things";
  return made;
}

// Operations that between them have every trait.
std::vector<Operation> sample() {
  Operation login = operation("login", "POST", "/v1/auth/login");
  login.body = std::vector{field("email", "string", "email"), field("password")};
  login.reply_fields = {field("access_token"), field("user", "object")};
  login.reply_fields[1].fields = {field("id", "string", "uuid")};
  login.problems = {"invalid_credentials"};

  Operation list = operation("list_members", "GET", "/v1/members");
  list.scope = ApiScope::tenant;
  list.requires_ = "workspace.view";
  list.reply = ApiReply::list;
  list.parameters = {{field("role"), "query"}};
  list.parameters[0].field.required = false;
  list.reply_fields = {field("user_id", "string", "uuid"), field("roles", "array"),
                       field("seen_at", "string", "date-time")};
  list.reply_fields[2].nullable = true;
  list.reply_fields[2].required = false;

  Operation change = operation("change_member", "PATCH", "/v1/members/{user_id}");
  change.scope = ApiScope::tenant;
  change.requires_ = "members.manage";
  change.description = "Says more.";
  change.parameters = {{field("user_id", "string", "uuid"), "path"}};
  change.body = std::vector{field("role")};
  change.body->front().choices = {"owner", "admin"};
  change.body->front().nullable = true;
  change.etag = true;
  change.reply_fields = {field("anything", "any"), field("own")};
  change.reply_fields[1].raw_schema = R"({"const":7})";

  Operation remove = operation("remove_member", "DELETE", "/v1/members/{user_id}");
  remove.requires_ = "user";
  remove.parameters = change.parameters;
  remove.success_status = 204;
  remove.reply = ApiReply::none;

  Operation invite = operation("invite", "POST", "/v1/invitations");
  invite.scope = ApiScope::tenant;
  invite.requires_ = "operator";
  invite.body = std::vector<ApiField>{};
  invite.success_status = 201;
  invite.reply = ApiReply::array;
  return {login, list, change, remove, invite};
}

class OpenApiTest : public testing::Test {
 protected:
  OpenApiTest() {
    const auto operations = sample();
    text_ = build_openapi({"Platform", "1.2.3", "A \"test\".", "/"}, operations);
    const auto parsed = crypto::parse_strict_json(parser_, text_, 64);
    EXPECT_FALSE(parsed.fault) << text_;
    root_ = parsed.root;
  }

  // The JSON at a pointer without white space, or "absent".
  std::string at(const std::string& pointer) const {
    dom::element found;
    return root_.at_pointer(pointer).get(found) ? "absent" : simdjson::minify(found);
  }

  std::set<std::string> references(const std::string& pointer) const {
    std::set<std::string> found;
    for (const dom::element item : dom::array(root_.at_pointer(pointer))) {
      std::string_view reference;
      if (!item["$ref"].get(reference)) found.emplace(reference.substr(reference.rfind('/') + 1));
    }
    return found;
  }

  std::string text_;
  simdjson::dom::parser parser_;
  dom::element root_;
};

constexpr const char* kLogin = "/paths/~1v1~1auth~1login/post";
constexpr const char* kList = "/paths/~1v1~1members/get";
constexpr const char* kMember = "/paths/~1v1~1members~1{user_id}";
constexpr const char* kInvite = "/paths/~1v1~1invitations/post";

TEST_F(OpenApiTest, SaysWhatItIs) {
  EXPECT_EQ(at("/openapi"), "\"3.1.0\"");
  EXPECT_EQ(at("/info"), R"({"title":"Platform","version":"1.2.3","description":"A \"test\"."})");
  EXPECT_EQ(at("/servers"), R"([{"url":"/"}])");
  EXPECT_EQ(at("/tags"), R"([{"name":"things"}])");
  EXPECT_EQ(at("/components/securitySchemes/bearerAuth/scheme"), "\"bearer\"");
  EXPECT_EQ(at("/components/securitySchemes/apiKeyAuth/name"), "\"X-API-Key\"");
}

TEST_F(OpenApiTest, HasOneEntryForEachMethodAndPath) {
  EXPECT_EQ(dom::object(root_["paths"]).size(), 4U);
  EXPECT_EQ(dom::object(root_.at_pointer(kMember)).size(), 2U);
  EXPECT_EQ(at(std::string(kMember) + "/patch/operationId"), "\"change_member\"");
  EXPECT_EQ(at(std::string(kMember) + "/patch/description"), "\"Says more.\"");
  EXPECT_EQ(at(std::string(kMember) + "/delete/operationId"), "\"remove_member\"");
  EXPECT_EQ(at(std::string(kMember) + "/delete/description"), "absent");
}

TEST_F(OpenApiTest, AsksForTheRightCredentials) {
  EXPECT_EQ(at(std::string(kLogin) + "/security"), "[]");
  EXPECT_EQ(at(std::string(kList) + "/security"), R"([{"bearerAuth":[]},{"apiKeyAuth":[]}])");
  EXPECT_EQ(at(std::string(kMember) + "/delete/security"), R"([{"bearerAuth":[]}])");
  EXPECT_EQ(at(std::string(kInvite) + "/security"), R"([{"bearerAuth":[]}])");
  EXPECT_EQ(at(std::string(kList) + "/x-requires"), "\"workspace.view\"");
}

TEST_F(OpenApiTest, AddsTheParametersThatFollow) {
  using Names = std::set<std::string>;
  EXPECT_EQ(references(std::string(kLogin) + "/parameters"), Names{});
  EXPECT_EQ(references(std::string(kList) + "/parameters"), (Names{"Limit", "Cursor", "TenantId"}));
  EXPECT_EQ(references(std::string(kMember) + "/patch/parameters"), (Names{"TenantId", "IfMatch"}));
  EXPECT_EQ(references(std::string(kMember) + "/delete/parameters"), Names{});
  EXPECT_EQ(references(std::string(kInvite) + "/parameters"), (Names{"TenantId", "IdempotencyKey"}));
  EXPECT_EQ(at(std::string(kMember) + "/patch/parameters/0"),
            R"({"name":"user_id","in":"path","required":true,"schema":{"type":"string","format":"uuid"}})");
  EXPECT_EQ(at(std::string(kList) + "/parameters/0/required"), "false");
  for (const char* name : {"TenantId", "IdempotencyKey", "IfMatch", "Limit", "Cursor"}) {
    EXPECT_NE(at("/components/parameters/" + std::string(name)), "absent") << name;
  }
}

TEST_F(OpenApiTest, DescribesBodiesAndRepliesAsSchemas) {
  const std::string schema = "/content/application~1json/schema";
  EXPECT_EQ(
      at(std::string(kLogin) + "/requestBody" + schema),
      R"({"type":"object","properties":{"email":{"type":"string","format":"email"},"password":{"type":"string"}},)"
      R"("required":["email","password"],"additionalProperties":false})");
  EXPECT_EQ(at(std::string(kMember) + "/patch/requestBody" + schema + "/properties/role"),
            R"({"type":["string","null"],"enum":["owner","admin",null]})");
  EXPECT_EQ(at(std::string(kInvite) + "/requestBody" + schema), R"({"type":"object","additionalProperties":false})");
  EXPECT_EQ(at(std::string(kList) + "/requestBody"), "absent");
  EXPECT_EQ(at(std::string(kLogin) + "/responses/200" + schema + "/properties/user"),
            R"({"type":"object","properties":{"id":{"type":"string","format":"uuid"}},"required":["id"]})");
  EXPECT_EQ(at(std::string(kMember) + "/patch/responses/200" + schema + "/properties/anything"), "{}");
  EXPECT_EQ(at(std::string(kMember) + "/patch/responses/200" + schema + "/properties/own"), R"({"const":7})");
  EXPECT_EQ(at(std::string(kMember) + "/delete/responses/204/content"), "absent");
}

TEST_F(OpenApiTest, WrapsListsAndArrays) {
  const std::string page = std::string(kList) + "/responses/200/content/application~1json/schema";
  EXPECT_EQ(at(page + "/required"), R"(["data","next_cursor","has_more"])");
  EXPECT_EQ(at(page + "/properties/next_cursor/type"), R"(["string","null"])");
  EXPECT_EQ(at(page + "/properties/data/items/properties"),
            R"({"user_id":{"type":"string","format":"uuid"},"roles":{"type":"array","items":{"type":"string"}},)"
            R"("seen_at":{"type":["string","null"],"format":"date-time"}})");
  EXPECT_EQ(at(page + "/properties/data/items/required"), R"(["user_id","roles"])");
  const std::string array = std::string(kInvite) + "/responses/201/content/application~1json/schema";
  EXPECT_EQ(
      at(array),
      R"({"type":"object","properties":{"data":{"type":"array","items":{"type":"object"}}},"required":["data"]})");
}

TEST_F(OpenApiTest, NamesTheProblemsThatFollow) {
  EXPECT_EQ(at(std::string(kLogin) + "/responses/401/x-problem-codes"), R"(["invalid_credentials"])");
  EXPECT_EQ(at(std::string(kLogin) + "/responses/403"), "absent");
  EXPECT_EQ(at(std::string(kList) + "/responses/403/x-problem-codes"), R"(["forbidden","tenant_mismatch"])");
  EXPECT_EQ(at(std::string(kList) + "/responses/400/x-problem-codes"),
            R"(["bad_request","invalid_cursor","invalid_tenant_id","tenant_required"])");
  EXPECT_EQ(at(std::string(kMember) + "/patch/responses/412/x-problem-codes"), R"(["precondition_failed"])");
  EXPECT_EQ(at(std::string(kMember) + "/delete/responses/412"), "absent");
  EXPECT_EQ(at(std::string(kInvite) + "/responses/409/x-problem-codes"), R"(["idempotency_in_progress"])");
  for (const char* place : {"/responses/401", "/responses/default"}) {
    EXPECT_EQ(at(std::string(kList) + place + "/content/application~1problem+json/schema/$ref"),
              "\"#/components/schemas/Problem\"");
  }
}

TEST_F(OpenApiTest, ShowsTheEtagWhereThereIsOne) {
  EXPECT_NE(at(std::string(kMember) + "/patch/responses/200/headers/ETag"), "absent");
  EXPECT_EQ(at(std::string(kList) + "/responses/200/headers/ETag"), "absent");
  EXPECT_NE(at(std::string(kList) + "/responses/200/headers/X-Request-Id"), "absent");
}

TEST(OpenApi, EmptyIsStillADocument) {
  simdjson::dom::parser parser;
  EXPECT_EQ(dom::object(parser.parse(build_openapi({}, {}))["paths"]).size(), 0U);
}

TEST(OpenApi, RefusesDeclarationsThatCannotBeTrue) {
  const auto build = [](auto change) {
    std::vector<Operation> operations{operation("show", "GET", "/v1/things/{id}")};
    operations[0].parameters = {{field("id"), "path"}};
    change(operations[0]);
    return build_openapi({}, operations);
  };
  EXPECT_NO_THROW(build([](Operation&) {}));
  EXPECT_THROW(build([](Operation& one) { one.problems = {"no_such_code"}; }), std::logic_error);
  EXPECT_THROW(build([](Operation& one) { one.parameters.clear(); }), std::logic_error);
  EXPECT_THROW(build([](Operation& one) { one.parameters[0].field.name = "other"; }), std::logic_error);
  EXPECT_THROW(build([](Operation& one) { one.path = "/v1/things"; }), std::logic_error);
  EXPECT_THROW(build([](Operation& one) { one.path = "things/{id}"; }), std::logic_error);
}

}  // namespace
}  // namespace factory::core
