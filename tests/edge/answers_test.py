"""Every call that the platform documents answers with the status, the members and the content type that it promises."""

import datetime
import json
import re
import uuid

import pytest

from platform_client import PASSWORD, Crew, unique, unique_email

PROBLEM_MEMBERS = {"type", "title", "status", "detail", "instance", "code", "hint", "request_id"}
UUID7 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


@pytest.fixture(scope="module")
def somebody(platform):
    return platform.register()


def is_time(text):
    """RFC 3339 in UTC, close to now unless it lies in the future."""
    when = datetime.datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=datetime.timezone.utc)
    return when > datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(hours=1)


def is_json(answer, status=200):
    return answer.status == status and answer.headers["content-type"] == "application/json"


def test_register_and_login_answer_a_token_pair(platform):
    email = unique_email()
    made = platform.call("POST", "/v1/auth/register", {"email": email, "password": PASSWORD, "name": " Ann  Lee "})
    assert is_json(made, 201)
    again = platform.call("POST", "/v1/auth/login", {"email": email.upper(), "password": PASSWORD})
    assert is_json(again, 200)
    for answer in (made, again):
        pair = answer.json
        assert list(pair) == ["access_token", "token_type", "expires_in", "refresh_token", "user"]
        assert (pair["token_type"], pair["expires_in"]) == ("Bearer", 900)
        assert re.fullmatch(r"[\w-]{43}", pair["refresh_token"])
        assert pair["user"] == {"id": made.json["user"]["id"], "email": email, "name": "Ann  Lee"}
        assert UUID7.fullmatch(pair["user"]["id"])
    assert made.json["access_token"] != again.json["access_token"]


def test_refresh_answers_a_new_pair(platform):
    person = platform.register()
    answer = platform.call("POST", "/v1/auth/refresh", {"refresh_token": person.refresh_token})
    assert is_json(answer)
    assert list(answer.json) == ["access_token", "token_type", "expires_in", "refresh_token", "user"]
    assert answer.json["refresh_token"] != person.refresh_token
    assert platform.call("GET", "/v1/me", token=answer.json["access_token"]).status == 200


def test_logout_answers_nothing(platform):
    answer = platform.register().call("POST", "/v1/auth/logout")
    assert (answer.status, answer.body) == (204, b"")
    assert "content-type" not in answer.headers


def test_me_shows_the_account_and_each_workspace(platform, crew):
    outsider = platform.register()
    assert outsider.call("GET", "/v1/me").json == {
        "user": {"id": outsider.id, "email": outsider.email, "name": outsider.name}, "memberships": []}
    matrix = platform.call("GET", "/v1/permissions").json["data"]
    for role, person in crew.people.items():
        answer = person.call("GET", "/v1/me")
        assert is_json(answer)
        membership, = answer.json["memberships"]
        tenant = {name: crew.workspace[name] for name in ("id", "slug", "name", "status")}
        held = [row["capability"] for row in matrix if row[role]]
        assert membership == {"tenant": tenant, "role": role, "capabilities": held}


def test_opening_a_workspace_makes_the_caller_its_owner(platform):
    person = platform.register()
    name = unique("Blue Door")
    answer = person.call("POST", "/v1/tenants", {"name": name})
    assert is_json(answer, 201)
    workspace = answer.json
    assert list(workspace) == ["id", "slug", "name", "status", "created_at"]
    assert (workspace["name"], workspace["status"]) == (name, "active")
    assert UUID7.fullmatch(workspace["id"]) and is_time(workspace["created_at"])
    assert workspace["slug"] == name.lower().replace(" ", "-")
    assert answer.headers["etag"] == '"v1"'
    assert person.call("GET", "/v1/me").json["memberships"][0]["role"] == "owner"


def test_a_derived_slug_is_made_unique_and_a_wanted_one_is_not(platform):
    person = platform.register()
    name = unique("Twin")
    slugs = [person.call("POST", "/v1/tenants", {"name": name}).json["slug"] for _ in range(12)]
    assert len(set(slugs)) == 12
    assert slugs[:2] == [name.lower(), f"{name.lower()}-2"]
    wanted = unique("wanted")
    assert person.call("POST", "/v1/tenants", {"name": "W", "slug": wanted}).json["slug"] == wanted
    taken = person.call("POST", "/v1/tenants", {"name": "W", "slug": wanted})
    assert taken.outcome == (409, "slug_taken")
    assert taken.pointers == [("#/slug", "taken")]


@pytest.mark.parametrize("name", ["!!!", "東京", "www", "a", "-", "x" * 200, "Ünïcödé Ltd", "🦉"])
def test_every_name_gets_a_slug(somebody, name):
    answer = somebody.call("POST", "/v1/tenants", {"name": name})
    assert answer.status == 201
    assert answer.json["name"] == name
    assert re.fullmatch(r"[a-z0-9](?:[a-z0-9-]{1,46}[a-z0-9])", answer.json["slug"])
    assert answer.json["slug"] != name


def test_tenants_lists_only_ones_own(platform, crew):
    person = platform.register()
    assert person.call("GET", "/v1/tenants").json == {"data": [], "next_cursor": None, "has_more": False}
    mine = [person.call("POST", "/v1/tenants", {"name": unique("Mine")}).json for _ in range(3)]
    answer = person.call("GET", "/v1/tenants")
    assert is_json(answer)
    assert [row["id"] for row in answer.json["data"]] == [workspace["id"] for workspace in mine]
    row = answer.json["data"][0]
    assert list(row) == ["id", "slug", "name", "status", "role", "created_at"]
    assert row == {**mine[0], "role": "owner"}


def test_tenant_is_read_and_changed(platform):
    crew = Crew(platform, ("owner", "viewer"))
    first = crew.call("viewer", "GET", "/v1/tenant")
    assert is_json(first)
    assert first.json == crew.workspace
    changed = crew.call("owner", "PATCH", "/v1/tenant", {"name": "Red Door", "slug": unique("red")})
    assert is_json(changed)
    assert changed.json == {**crew.workspace, "name": "Red Door", "slug": changed.json["slug"]}
    assert (first.headers["etag"], changed.headers["etag"]) == ('"v1"', '"v2"')
    assert crew.call("viewer", "GET", "/v1/tenant").json == changed.json
    assert crew.call("owner", "PATCH", "/v1/tenant", {}).headers["etag"] == '"v2"'


def test_members_are_listed_read_changed_and_removed(platform):
    crew = Crew(platform)
    answer = crew.call("viewer", "GET", "/v1/members")
    assert is_json(answer)
    assert {row["user_id"]: row["role"] for row in answer.json["data"]} == {
        person.id: role for role, person in crew.people.items()}
    assert all(list(row) == ["user_id", "email", "name", "role", "joined_at"] for row in answer.json["data"])
    staff = crew.people["staff"]
    one = crew.call("viewer", "GET", f"/v1/members/{staff.id}")
    assert is_json(one)
    assert one.json in answer.json["data"]
    assert (one.json["email"], one.json["name"], one.headers["etag"]) == (staff.email, staff.name, '"v1"')
    changed = crew.call("admin", "PATCH", f"/v1/members/{staff.id}", {"role": "viewer"})
    assert is_json(changed)
    assert changed.json == {**one.json, "role": "viewer"}
    assert changed.headers["etag"] == '"v2"'
    removed = crew.call("admin", "DELETE", f"/v1/members/{staff.id}")
    assert (removed.status, removed.body) == (204, b"")
    assert crew.call("viewer", "GET", f"/v1/members/{staff.id}").outcome == (404, "not_found")


def test_invitations_are_made_listed_and_withdrawn(platform):
    crew = Crew(platform, ("owner", "admin"))
    email = unique_email("guest")
    made = crew.call("admin", "POST", "/v1/invitations", {"email": email.upper(), "role": "staff"})
    assert is_json(made, 201)
    invitation = made.json
    assert list(invitation) == ["id", "email", "role", "status", "created_at", "expires_at", "token"]
    assert (invitation["email"], invitation["role"], invitation["status"]) == (email, "staff", "open")
    life = (datetime.datetime.fromisoformat(invitation["expires_at"][:-1])
            - datetime.datetime.fromisoformat(invitation["created_at"][:-1]))
    assert abs(life - datetime.timedelta(days=7)) < datetime.timedelta(minutes=1)
    assert re.fullmatch(r"[0-9A-Za-z]{22}\.[\w-]{43}", invitation["token"])
    listed = crew.call("owner", "GET", "/v1/invitations")
    assert is_json(listed)
    row = listed.json["data"][0]
    assert list(row) == ["id", "email", "role", "status", "invited_by", "created_at", "expires_at"]
    assert row["invited_by"] == crew.people["admin"].id
    assert invitation["token"] not in listed.body.decode()
    gone = crew.call("owner", "DELETE", f"/v1/invitations/{invitation['id']}")
    assert (gone.status, gone.body) == (204, b"")
    assert crew.call("owner", "GET", "/v1/invitations").json["data"][0]["status"] == "cancelled"
    assert crew.call("owner", "DELETE", f"/v1/invitations/{invitation['id']}").outcome == (404, "not_found")


def test_accepting_an_invitation_says_where_and_as_what(platform):
    crew = Crew(platform, ("owner",))
    guest = platform.register("guest")
    guest.call("POST", "/v1/tenants", {"name": unique("Elsewhere")})
    token = crew.invite(guest.email, "staff")["token"]
    answer = guest.call("POST", "/v1/invitations/accept", {"token": token})
    assert is_json(answer)
    tenant = {name: crew.workspace[name] for name in ("id", "slug", "name", "status")}
    assert answer.json == {"tenant": tenant, "role": "staff"}


def test_audit_logs_answer_newest_first(platform):
    crew = Crew(platform, ("owner", "admin"))
    answer = crew.call("admin", "GET", "/v1/audit-logs")
    assert is_json(answer)
    rows = answer.json["data"]
    assert [row["action"] for row in rows] == ["invitation.accepted", "invitation.created", "tenant.created"]
    assert list(rows[0]) == [
        "id", "occurred_at", "action", "outcome", "actor", "target", "request_id", "peer", "before", "after",
        "metadata"]
    assert rows[0]["actor"] == {"type": "user", "id": crew.people["admin"].id}
    assert rows[2]["target"] == {"type": "tenant", "id": crew.id}
    assert rows[2]["peer"] == "127.0.0.1" and is_time(rows[2]["occurred_at"])


def test_the_public_documents_need_no_credential(platform):
    matrix = platform.call("GET", "/v1/permissions")
    assert is_json(matrix) and list(matrix.json) == ["data"] and len(matrix.json["data"]) == 14
    assert list(matrix.json["data"][0]) == ["capability", "owner", "admin", "staff", "viewer"]
    errors = platform.call("GET", "/v1/errors")
    assert is_json(errors)
    codes = {row["code"]: row for row in errors.json["data"]}
    assert len(codes) == len(errors.json["data"]) > 50
    assert list(codes["not_found"]) == ["code", "status", "sqlstate", "title", "hint"]
    assert all(row["hint"] and row["title"] for row in codes.values())
    document = platform.call("GET", "/v1/openapi.json")
    assert is_json(document) and document.json["openapi"] == "3.1.0"


def test_the_edge_answers_for_its_own_health(platform):
    assert is_json(platform.call("GET", "/healthz")) and platform.call("GET", "/healthz").json == {"status": "ok"}
    ready = platform.call("GET", "/readyz")
    assert is_json(ready)
    assert (ready.json["status"], ready.json["database"]) == ("ok", "ok")
    assert ready.json["version"] == ready.json["schema_version"] == ready.json["edge_version"]
    metrics = platform.call("GET", "/metrics")
    assert metrics.status == 200 and metrics.headers["content-type"].startswith("text/plain")
    assert platform.call("POST", "/healthz", {}).outcome == (405, "method_not_allowed")


REFUSALS = {
    "bad_request": lambda p, c: c.call("owner", "PATCH", "/v1/tenant", {}, headers={"If-Match": "v1"}),
    "malformed_json": lambda p, c: c.call("owner", "POST", "/v1/tenants", b"{"),
    "ambiguous_credentials": lambda p, c: c.call("owner", "GET", "/v1/me", headers={"X-API-Key": "another"}),
    "tenant_required": lambda p, c: p.register().call("GET", "/v1/members"),
    "invalid_tenant_id": lambda p, c: c.call("owner", "GET", "/v1/tenant", tenant="42"),
    "invalid_cursor": lambda p, c: c.call("owner", "GET", "/v1/members?cursor=x"),
    "unauthenticated": lambda p, c: p.call("GET", "/v1/me"),
    "invalid_token": lambda p, c: p.call("GET", "/v1/me", token="x"),
    "invalid_credentials": lambda p, c: p.call("POST", "/v1/auth/login", {
        "email": unique_email(), "password": PASSWORD}),
    "invalid_refresh_token": lambda p, c: p.call("POST", "/v1/auth/refresh", {"refresh_token": "x"}),
    "forbidden": lambda p, c: c.call("viewer", "PATCH", "/v1/tenant", {"name": "x"}),
    "not_found": lambda p, c: c.call("viewer", "GET", f"/v1/members/{uuid.uuid4()}"),
    "tenant_not_found": lambda p, c: c.call("viewer", "GET", "/v1/tenant", tenant=uuid.uuid4()),
    "method_not_allowed": lambda p, c: c.call("viewer", "DELETE", "/v1/me"),
    "email_taken": lambda p, c: p.call("POST", "/v1/auth/register", {
        "email": c.owner.email, "password": PASSWORD, "name": "x"}),
    "slug_taken": lambda p, c: c.call("owner", "POST", "/v1/tenants", {"name": "x", "slug": c.workspace["slug"]}),
    "last_owner": lambda p, c: c.call("owner", "DELETE", f"/v1/members/{c.owner.id}"),
    "already_member": lambda p, c: c.call("owner", "POST", "/v1/invitations", {
        "email": c.people["staff"].email, "role": "viewer"}),
    "invitation_gone": lambda p, c: c.call("owner", "POST", "/v1/invitations/accept", {"token": "x"}),
    "precondition_failed": lambda p, c: c.call("owner", "PATCH", "/v1/tenant", {"name": "x"}, headers={
        "If-Match": '"v999"'}),
    "unsupported_media_type": lambda p, c: c.call("owner", "POST", "/v1/tenants", b"name=x", headers={
        "Content-Type": "application/x-www-form-urlencoded"}),
    "validation_failed": lambda p, c: c.call("owner", "POST", "/v1/tenants", {"nme": "x"}),
    "password_too_weak": lambda p, c: p.call("POST", "/v1/auth/register", {
        "email": unique_email(), "password": "password1", "name": "x"}),
}


@pytest.mark.parametrize("code", REFUSALS)
def test_every_refusal_is_a_whole_problem_document(platform, crew, code):
    answer = REFUSALS[code](platform, crew)
    catalogue = {row["code"]: row for row in platform.call("GET", "/v1/errors").json["data"]}
    problem = answer.json
    assert answer.headers["content-type"] == "application/problem+json"
    assert PROBLEM_MEMBERS <= set(problem), answer
    assert problem["code"] == code
    assert problem["status"] == answer.status == catalogue[code]["status"]
    assert (problem["title"], problem["hint"]) == (catalogue[code]["title"], catalogue[code]["hint"])
    assert problem["type"].endswith(f"/errors#{code}")
    assert problem["detail"] and problem["instance"].startswith("/v1/")
    assert problem["request_id"] == answer.headers["x-request-id"]
    for error in problem.get("errors", []):
        assert set(error) == {"pointer", "code", "detail"} and error["pointer"].startswith("#/")
    if answer.status == 401:
        bearer = 'Bearer error="invalid_token"' if code == "invalid_token" else "Bearer"
        assert answer.headers["www-authenticate"] == bearer


def test_the_request_id_goes_from_the_call_to_the_answer_and_the_audit_log(platform):
    crew = Crew(platform, ("owner",))
    request_id = unique("call")
    answer = crew.call("owner", "PATCH", "/v1/tenant", {"name": "Named"}, headers={"X-Request-Id": request_id})
    assert answer.headers["x-request-id"] == request_id
    event, = platform.events(crew.id, action="tenant.updated")
    assert event["request_id"] == request_id
    other = crew.call("owner", "PATCH", "/v1/tenant", {"name": "Renamed"})
    assert UUID7.fullmatch(other.headers["x-request-id"])
    assert platform.events(crew.id, request_id=other.headers["x-request-id"])
    refused = crew.call("owner", "GET", "/v1/nothing", headers={"X-Request-Id": request_id})
    assert json.loads(refused.body)["request_id"] == request_id
