"""What belongs to another workspace is answered as what does not exist: on every call that the platform documents."""

import re
import uuid

import pytest

from platform_client import Crew, unique, unique_email

VALUES = {
    "email": unique_email, "name": lambda: unique("Name"), "slug": lambda: unique("slug"), "role": lambda: "viewer",
    "token": lambda: "x", "password": lambda: unique("password"), "refresh_token": lambda: "x",
    "retention_days": lambda: 90, "legal_hold": lambda: False, "dry_run": lambda: True,
    "class": lambda: "api", "strategy": lambda: "tenant", "burst": lambda: 9, "count": lambda: 9, "period": lambda: 60,
    "enabled": lambda: False, "url": lambda: "https://example.com/", "events": lambda: ["*"],
    "description": lambda: "x", "active": lambda: True, "overlap_seconds": lambda: 60}


def documented_calls(platform):
    """(method, path, operation) of the platform's own document."""
    for path, methods in platform.call("GET", "/v1/openapi.json").json["paths"].items():
        for method, operation in methods.items():
            if not path.startswith("/v1/app/"):
                yield method.upper(), path, operation


def takes_tenant(operation):
    return {"$ref": "#/components/parameters/TenantId"} in operation["parameters"]


def body_of(operation):
    """A body that is right in form."""
    if "requestBody" not in operation:
        return None
    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    return {name: VALUES[name]() for name in schema.get("properties", {})}


def comparable(answer):
    """An answer without what names the one call: instance, request id, date and the calls that are left."""
    changing = ("date", "x-request-id", "content-length", "ratelimit")
    headers = {name: value for name, value in answer.headers.items() if name not in changing}
    body = re.sub(rb'"(instance|request_id)":"[^"]*",?', b"", answer.body)
    return answer.status, headers, body


@pytest.fixture(scope="module")
def other(platform):
    """A workspace that none of `crew` may see, with one invitation."""
    other = Crew(platform, ("owner", "staff"))
    other.invitation = other.invite(unique_email("guest"), "viewer")
    return other


def test_a_foreign_workspace_looks_like_none_on_every_call(platform, crew, other):
    tried = 0
    for method, path, operation in documented_calls(platform):
        if not takes_tenant(operation):
            continue
        target, body = path.replace("{", "").replace("}", ""), body_of(operation)
        answers = [
            crew.owner.call(method, target, body, tenant=tenant) for tenant in (other.id, uuid.uuid4(), uuid.uuid4())]
        assert len({str(comparable(answer)) for answer in answers}) == 1, (method, path)
        if operation["x-requires"] != "user":
            assert {answer.outcome for answer in answers} == {(404, "tenant_not_found")}
        malformed = crew.owner.call(method, target, body, tenant="not-a-uuid")
        assert malformed.outcome == (400, "invalid_tenant_id")
        tried += 1
    assert tried >= 11


def test_a_foreign_id_looks_like_none_on_every_call_with_a_path_parameter(platform, crew, other):
    foreign = {"user_id": other.people["staff"].id, "id": other.invitation["id"], "name": "no_such_name"}
    tried = 0
    for method, path, operation in documented_calls(platform):
        name = next(iter(re.findall(r"\{(\w+)\}", path)), None)
        if not name:
            continue
        ids = [
            foreign[name],
            str(uuid.uuid4()),
            str(uuid.UUID(int=0)), "x", "1", "a-b", "%27", foreign[name] + "0", "..."]
        answers = [crew.call("owner", method, path.replace(f"{{{name}}}", value), body_of(operation)) for value in ids]
        assert {answer.outcome for answer in answers} == {(404, "not_found")}, (method, path)
        assert len({str(comparable(answer)) for answer in answers}) == 1, (method, path)
        tried += 1
    assert tried == 14
    assert other.role_of(other.people["staff"]) == "staff"
    assert other.call("owner", "GET", "/v1/invitations").json["data"][0]["status"] == "open"


def test_every_call_that_needs_one_refuses_without_a_credential(platform, other):
    for method, path, operation in documented_calls(platform):
        if operation["x-requires"] == "anyone":
            continue
        for tenant in (None, other.id):
            answer = platform.call(method, path.replace("{", "").replace("}", ""), body_of(operation), tenant=tenant)
            assert answer.outcome == (401, "unauthenticated"), (method, path)


def test_nothing_of_another_workspace_stands_in_any_answer(platform, crew, other):
    """The names, addresses and ids of one workspace are canaries in the answers of another."""
    canaries = [other.id, other.workspace["slug"], other.owner.email, other.owner.id, other.invitation["id"]]
    for method, path, operation in documented_calls(platform):
        if method == "GET":
            for role in crew.people:
                text = crew.call(role, "GET", path.replace("{user_id}", crew.owner.id)).body.decode()
                assert not any(canary in text for canary in canaries), path


def test_without_a_tenant_header_the_sole_membership_is_meant(platform):
    crew = Crew(platform, ("owner", "viewer"))
    viewer = crew.people["viewer"]
    assert viewer.call("GET", "/v1/tenant").json["id"] == crew.id
    second = viewer.call("POST", "/v1/tenants", {"name": unique("Second")}).json
    answer = viewer.call("GET", "/v1/tenant")
    assert answer.outcome == (400, "tenant_required")
    assert sorted(answer.json["tenants"]) == sorted([crew.id, second["id"]])
    assert viewer.call("GET", "/v1/tenant", tenant=second["id"]).json["id"] == second["id"]
    assert viewer.call("GET", "/v1/tenant", tenant=second["id"].upper()).json["id"] == second["id"]
    nobody = platform.register().call("GET", "/v1/tenant")
    assert nobody.outcome == (400, "tenant_required") and nobody.json["tenants"] == []


def test_a_call_outside_of_workspaces_takes_no_notice_of_the_tenant_header(platform, crew, other):
    for tenant in (crew.id, other.id, uuid.uuid4()):
        answer = crew.owner.call("GET", "/v1/me", tenant=tenant)
        assert answer.status == 200 and [one["tenant"]["id"] for one in answer.json["memberships"]] == [crew.id]
    assert crew.owner.call("GET", "/v1/me", tenant="x").outcome == (400, "invalid_tenant_id")


def test_an_invitation_goes_to_the_workspace_that_its_token_names(platform):
    crew = Crew(platform, ("owner",))
    guest = platform.register("guest")
    elsewhere = guest.call("POST", "/v1/tenants", {"name": unique("Elsewhere")}).json
    token = crew.invite(guest.email, "staff")["token"]
    answer = guest.call("POST", "/v1/invitations/accept", {"token": token}, tenant=elsewhere["id"])
    assert answer.status == 200 and answer.json["tenant"]["id"] == crew.id
    assert not any(name.startswith("x-factory") for name in answer.headers)
    assert crew.role_of(guest) == "staff"


@pytest.mark.parametrize("path, header, destination", [("/v1/me", "x", "global"), ("/v1/tenant", None, "own")])
def test_the_database_says_where_a_call_belongs(platform, crew, path, header, destination):
    """The 421 that the edge follows and never shows."""
    connection = platform.connect("edge")
    headers = f'{{"authorization": "Bearer {crew.owner.token}"}}'
    with connection.cursor() as cursor:
        if header:
            cursor.execute("SELECT status, headers FROM factory.serve(%s, 'GET', %s, %s, '', NULL)",
                           (crew.id, path, headers))
        else:
            cursor.execute("SELECT status, headers FROM factory.serve_global('GET', %s, %s, '', NULL)", (path, headers))
        status, answer = cursor.fetchone()
    connection.close()
    assert (status, answer["x-factory-tenant"]) == (421, crew.id if destination == "own" else destination)
