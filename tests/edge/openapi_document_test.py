"""The document, the declarations and the answers agree: nothing is undocumented, nothing documented is missing."""

import re
import uuid

import jsonschema
import pytest

from platform_client import PASSWORD, Crew, unique, unique_email


@pytest.fixture(scope="module")
def document(platform):
    return platform.call("GET", "/v1/openapi.json").json


def operations(document):
    return [(method.upper(), path, operation) for path, methods in document["paths"].items()
            for method, operation in methods.items()]


def validate(document, schema, value):
    """Against JSON Schema 2020-12, with the document's components at hand."""
    jsonschema.Draft202012Validator({**schema, "components": document["components"]}).validate(value)


def test_every_declared_call_is_documented_and_no_other(platform, document):
    declared = platform.admin("SELECT method, path FROM factory.routes WHERE method IS NOT NULL")
    documented = [(method, path) for method, path, _ in operations(document)]
    assert sorted(documented) == sorted(declared)
    assert len(documented) >= 20


def test_every_call_is_documented_whole(document):
    seen = set()
    catalogue_codes = []
    for method, path, operation in operations(document):
        seen.add(operation["operationId"])
        assert operation["summary"] and operation["tags"], (method, path)
        assert path.startswith("/v1/app/") or operation["description"], (method, path)
        success = [status for status in operation["responses"] if status.startswith("2")]
        assert len(success) == 1, (method, path)
        assert "default" in operation["responses"]
        captures = set(re.findall(r"\{(\w+)\}", path))
        assert captures == {one["name"] for one in operation["parameters"] if one.get("in") == "path"}
        for status, response in operation["responses"].items():
            if not status.startswith("2"):
                assert "application/problem+json" in response["content"], (method, path, status)
                catalogue_codes += response.get("x-problem-codes", [])
        if operation["x-requires"] != "anyone":
            assert operation["security"][0] == {"bearerAuth": []} and "401" in operation["responses"]
        if "requestBody" in operation:
            schema = operation["requestBody"]["content"]["application/json"]["schema"]
            assert schema["additionalProperties"] is False and "422" in operation["responses"]
    assert len(seen) == len(operations(document))
    assert {"last_owner", "slug_taken", "invitation_gone", "kdf_busy"} <= set(catalogue_codes)


def test_every_documented_call_answers(platform, crew, document):
    for method, path, operation in operations(document):
        target = re.sub(r"\{\w+\}", str(uuid.uuid4()), path)
        anonymous = platform.call(method, target, {} if method in ("POST", "PATCH", "PUT") else None)
        expected = (200, 422) if operation["x-requires"] == "anyone" else (401,)
        assert anonymous.status in expected, (method, path)
        options = platform.call("OPTIONS", target)
        assert options.status == 204 and method in options.headers["allow"].split(", "), (method, path)


def walk(platform, crew):
    """(method, path, answer) of at least one success of each call, made in an order that makes sense."""
    guest = platform.register("guest")
    call = platform.call

    def owner(method, path, body=None):
        return crew.call("owner", method, path, body)

    email = unique_email()
    register = call("POST", "/v1/auth/register", {"email": email, "password": PASSWORD, "name": "Ann"})
    login = call("POST", "/v1/auth/login", {"email": email, "password": PASSWORD})
    yield "POST", "/v1/auth/register", register
    yield "POST", "/v1/auth/login", login
    yield "POST", "/v1/auth/refresh", call("POST", "/v1/auth/refresh", {"refresh_token": login.json["refresh_token"]})
    yield "POST", "/v1/auth/logout", call("POST", "/v1/auth/logout", token=login.json["access_token"])
    for path in ("/v1/permissions", "/v1/errors", "/v1/openapi.json"):
        yield "GET", path, call("GET", path)
    workspace = guest.call("POST", "/v1/tenants", {"name": unique("Guest"), "slug": unique("guest")})
    yield "POST", "/v1/tenants", workspace
    yield "GET", "/v1/tenants", guest.call("GET", "/v1/tenants")
    yield "GET", "/v1/me", guest.call("GET", "/v1/me")
    yield "GET", "/v1/tenant", owner("GET", "/v1/tenant")
    yield "PATCH", "/v1/tenant", owner("PATCH", "/v1/tenant", {"name": "Walked"})
    invitation = owner("POST", "/v1/invitations", {"email": guest.email, "role": "viewer"})
    yield "POST", "/v1/invitations", invitation
    yield "GET", "/v1/invitations", owner("GET", "/v1/invitations?limit=1")
    accepted = guest.call("POST", "/v1/invitations/accept", {"token": invitation.json["token"]})
    yield "POST", "/v1/invitations/accept", accepted
    cancelled = owner("POST", "/v1/invitations", {"email": unique_email(), "role": "viewer"}).json["id"]
    yield "DELETE", "/v1/invitations/{id}", owner("DELETE", f"/v1/invitations/{cancelled}")
    yield "GET", "/v1/members", owner("GET", "/v1/members?limit=1")
    yield "GET", "/v1/members/{user_id}", owner("GET", f"/v1/members/{guest.id}")
    yield "PATCH", "/v1/members/{user_id}", owner("PATCH", f"/v1/members/{guest.id}", {"role": "staff"})
    yield "DELETE", "/v1/members/{user_id}", owner("DELETE", f"/v1/members/{guest.id}")
    yield "GET", "/v1/audit-policy", owner("GET", "/v1/audit-policy")
    yield "PATCH", "/v1/audit-policy", owner("PATCH", "/v1/audit-policy", {"retention_days": 90})
    yield "POST", "/v1/jobs/{name}/run", owner("POST", "/v1/jobs/expire_invitations/run", {"dry_run": True})
    yield "GET", "/v1/usage", owner("GET", "/v1/usage")
    yield "GET", "/v1/health", owner("GET", "/v1/health")
    hook = owner("POST", "/v1/webhooks", {"url": "https://example.com/walked", "events": ["*"]})
    yield "POST", "/v1/webhooks", hook
    target = f"/v1/webhooks/{hook.json['id']}"
    yield "GET", "/v1/webhooks", owner("GET", "/v1/webhooks")
    yield "GET", "/v1/webhooks/{id}", owner("GET", target)
    yield "PATCH", "/v1/webhooks/{id}", owner("PATCH", target, {"description": "walked"})
    yield "POST", "/v1/webhooks/{id}/rotate-secret", owner("POST", f"{target}/rotate-secret", {})
    sent = owner("POST", f"{target}/test")
    yield "POST", "/v1/webhooks/{id}/test", sent
    yield "GET", "/v1/webhooks/{id}/deliveries", owner("GET", f"{target}/deliveries")
    yield "GET", "/v1/outbox", owner("GET", "/v1/outbox?limit=1")
    for act in ("discard", "retry"):
        yield "POST", f"/v1/outbox/{{id}}/{act}", owner("POST", f"/v1/outbox/{sent.json['message_id']}/{act}")
    yield "DELETE", "/v1/webhooks/{id}", owner("DELETE", target)
    yield "GET", "/v1/mail/templates/{name}/preview", owner("GET", "/v1/mail/templates/invitation/preview")
    yield "GET", "/v1/audit-logs", owner("GET", "/v1/audit-logs?limit=100")
    yield "GET", "/v1/rate-limits/policies", owner("GET", "/v1/rate-limits/policies")
    tightened = {"class": "invite", "strategy": "tenant", "burst": 1, "count": 1, "period": 60}
    yield "PUT", "/v1/rate-limits/policies", owner("PUT", "/v1/rate-limits/policies", tightened)
    for status in (201, 429):
        assert owner("POST", "/v1/invitations", {"email": unique_email(), "role": "viewer"}).status == status
    yield "GET", "/v1/rate-limits/blocks", owner("GET", "/v1/rate-limits/blocks")


def test_answers_are_what_the_document_says(platform, document):
    walked = set()
    for method, path, answer in walk(platform, Crew(platform, ("owner", "viewer"))):
        walked.add((method, path))
        operation = document["paths"][path][method.lower()]
        response = operation["responses"][str(answer.status)]
        assert "X-Request-Id" in response["headers"]
        assert "RateLimit" in response["headers"] and "RateLimit-Policy" in response["headers"]
        assert "ratelimit" in answer.headers and "ratelimit-policy" in answer.headers, (method, path)
        assert ("ETag" in response["headers"]) == ("etag" in answer.headers), (method, path)
        if "content" not in response:
            assert answer.body == b""
            continue
        schema = response["content"]["application/json"]["schema"]
        validate(document, schema, answer.json)
        check_members(schema, answer.json, (method, path))
    shipped = {(method, path) for method, path, _ in operations(document) if not path.startswith("/v1/app/")}
    assert walked == shipped


def check_members(schema, value, where):
    """The document names every member of an answer, and the answer has every member that the document names."""
    if isinstance(value, dict) and "properties" in schema:
        assert set(value) == set(schema["properties"]), where
        for name, member in schema["properties"].items():
            check_members(member, value[name], where)
    elif isinstance(value, list) and "items" in schema:
        for row in value:
            check_members(schema["items"], row, where)


def test_problems_are_what_the_document_says(platform, crew, document):
    schema = {"$ref": "#/components/schemas/Problem"}
    answers = [
        crew.call("owner", "POST", "/v1/tenants", {"nme": 1}),
        crew.call("viewer", "PATCH", "/v1/tenant", {"name": "x"}),
        crew.call("owner", "GET", "/v1/tenant", tenant="x"),
        platform.register().call("GET", "/v1/tenant"),
        platform.call("GET", "/v1/me"),
        platform.call("GET", "/v1/nothing"),
    ]
    for answer in answers:
        validate(document, schema, answer.json)
    with pytest.raises(jsonschema.ValidationError):
        validate(document, schema, {"title": "x"})


def test_refusals_are_documented_with_their_call(platform, crew, document):
    cases = [
        ("PATCH", "/v1/tenant", crew.call("viewer", "PATCH", "/v1/tenant", {"name": "x"})),
        ("PATCH", "/v1/tenant", crew.call("owner", "PATCH", "/v1/tenant", {"name": ""})),
        ("PATCH", "/v1/tenant", crew.call("owner", "PATCH", "/v1/tenant", {"name": "x"}, headers={"If-Match": '"v9"'})),
        ("PATCH", "/v1/tenant", crew.call("owner", "PATCH", "/v1/tenant", b"{")),
        ("GET", "/v1/tenant", crew.call("owner", "GET", "/v1/tenant", tenant=uuid.uuid4())),
        ("GET", "/v1/members/{user_id}", crew.call("owner", "GET", f"/v1/members/{uuid.uuid4()}")),
        ("DELETE", "/v1/members/{user_id}", crew.call("owner", "DELETE", f"/v1/members/{crew.owner.id}")),
        ("GET", "/v1/members", crew.call("owner", "GET", "/v1/members?cursor=x")),
        ("POST", "/v1/invitations/accept", crew.call("owner", "POST", "/v1/invitations/accept", {"token": "x"})),
        ("POST", "/v1/auth/login", platform.call("POST", "/v1/auth/login", {"email": "x", "password": "y"}))]
    for method, path, answer in cases:
        responses = document["paths"][path][method.lower()]["responses"]
        assert answer.code in responses[str(answer.status)]["x-problem-codes"], (method, path, answer.code)


def test_an_apps_call_joins_the_document_and_leaves_it(platform, app_schema, crew):
    target = app_schema.add("echo(word text, times integer DEFAULT 1)", "SELECT repeat(word, times)", "POST",
                            "echo/{word}", returns="text", requires="records.write")
    operation = platform.call("GET", "/v1/openapi.json").json["paths"][target]["post"]
    assert operation["x-requires"] == "records.write"
    assert set(operation["requestBody"]["content"]["application/json"]["schema"]["properties"]) == {"times"}
    assert crew.call("staff", "POST", target.replace("{word}", "ab"), {"times": 2}).json == {"result": "abab"}
    app_schema.run("SELECT factory.route_drop(%s)", app_schema.routes.pop())
    assert target not in platform.call("GET", "/v1/openapi.json").json["paths"]
    assert crew.call("staff", "POST", target.replace("{word}", "ab"), {"times": 2}).outcome == (404, "not_found")
