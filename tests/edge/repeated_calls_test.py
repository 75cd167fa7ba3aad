"""Idempotency-Key, If-Match and Prefer: a call that is sent twice, too late, or only for its effect."""

import json
import threading

import pytest

from platform_client import Crew, unique, unique_email

REPLAYED = "idempotent-replayed"


def keyed(key):
    return {"Idempotency-Key": key}


def own_tenants(person):
    return len(person.call("GET", "/v1/tenants?limit=100").json["data"])


@pytest.fixture(scope="module")
def team(platform):
    return Crew(platform)


def test_a_repeated_call_has_one_effect_and_one_answer(platform):
    person, key, body = platform.register(), unique("key"), {"name": unique("Once")}
    first = person.call("POST", "/v1/tenants", body, headers=keyed(key))
    assert first.status == 201 and REPLAYED not in first.headers
    for _ in range(3):
        again = person.call("POST", "/v1/tenants", body, headers=keyed(key))
        assert (again.status, again.body, again.headers["etag"]) == (201, first.body, first.headers["etag"])
        assert again.headers[REPLAYED] == "true" and again.headers["content-type"] == "application/json"
    assert own_tenants(person) == 1
    assert len(platform.events(first.json["id"], action="tenant.created")) == 1
    assert person.call("POST", "/v1/tenants", body, headers=keyed(key + "2")).json["id"] != first.json["id"]


@pytest.mark.parametrize("other", ["another body", "more space", "another path"])
def test_a_key_belongs_to_one_request(platform, other):
    person, key = platform.register(), unique("key")
    assert person.call("POST", "/v1/tenants", b'{"name":"One"}', headers=keyed(key)).status == 201
    method, path, body = {"another body": ("POST", "/v1/tenants", b'{"name":"Two"}'),
                          "more space": ("POST", "/v1/tenants", b'{"name": "One"}'),
                          "another path": ("POST", "/v1/tenants?", b'{"name":"One"}')}[other]
    answer = person.call(method, path, body, headers=keyed(key))
    assert answer.outcome == (422, "idempotency_mismatch")
    assert own_tenants(person) == 1


def test_another_caller_with_the_same_key_is_another_call(platform, team):
    key = unique("key")
    one, two = platform.register(), platform.register()
    body = {"name": "Same"}
    ids = {person.call("POST", "/v1/tenants", body, headers=keyed(key)).json["id"] for person in (one, two)}
    assert len(ids) == 2
    guest = {"email": unique_email("guest"), "role": "viewer"}
    assert team.call("owner", "POST", "/v1/invitations", guest, headers=keyed(key)).status == 201
    answer = team.call("admin", "POST", "/v1/invitations", guest, headers=keyed(key))
    assert answer.outcome == (409, "invitation_pending")


def test_the_same_key_in_another_workspace_is_another_call(platform):
    person, key = platform.register(), unique("key")
    guest = {"email": unique_email("guest"), "role": "viewer"}
    answers = []
    for _ in range(2):
        enter = person.enter(person.call("POST", "/v1/tenants", {"name": unique("W")}).json)
        answers.append(enter("POST", "/v1/invitations", guest, headers=keyed(key)))
    assert [answer.status for answer in answers] == [201, 201] and answers[0].json["id"] != answers[1].json["id"]


def test_failures_are_not_kept(platform, team):
    key, email = unique("key"), unique_email("guest")
    guest = {"email": email, "role": "viewer"}
    pending = team.invite(email, "viewer")
    assert team.call("owner", "POST", "/v1/invitations", guest,
                     headers=keyed(key)).outcome == (409, "invitation_pending")
    team.call("owner", "DELETE", f"/v1/invitations/{pending['id']}")
    answer = team.call("owner", "POST", "/v1/invitations", guest, headers=keyed(key))
    assert answer.status == 201 and REPLAYED not in answer.headers
    bad = unique("key")
    assert team.call("owner", "POST", "/v1/invitations", {}, headers=keyed(bad)).status == 422
    assert team.call("owner", "POST", "/v1/invitations", {"email": unique_email(), "role": "staff"},
                     headers=keyed(bad)).status == 201


def test_a_replay_passes_the_whole_gate(platform):
    crew, key = Crew(platform, ("owner", "admin")), unique("key")
    guest = {"email": unique_email("guest"), "role": "viewer"}
    assert crew.call("admin", "POST", "/v1/invitations", guest, headers=keyed(key)).status == 201
    admin = crew.people["admin"]
    assert crew.call("owner", "PATCH", f"/v1/members/{admin.id}", {"role": "staff"}).status == 200
    assert crew.call("admin", "POST", "/v1/invitations", guest, headers=keyed(key)).outcome == (403, "forbidden")
    crew.call("owner", "DELETE", f"/v1/members/{admin.id}")
    assert crew.call("admin", "POST", "/v1/invitations", guest, headers=keyed(key)).outcome == (404, "tenant_not_found")
    admin.call("POST", "/v1/auth/logout")
    assert crew.call("admin", "POST", "/v1/invitations", guest, headers=keyed(key)).outcome == (401, "session_ended")


def test_accepting_an_invitation_can_be_repeated(platform, team):
    guest, key = platform.register("guest"), unique("key")
    body = {"token": team.invite(guest.email, "viewer")["token"]}
    first = guest.call("POST", "/v1/invitations/accept", body, headers=keyed(key))
    again = guest.call("POST", "/v1/invitations/accept", body, headers=keyed(key))
    assert first.status == again.status == 200 and first.body == again.body and again.headers[REPLAYED] == "true"
    assert guest.call("POST", "/v1/invitations/accept", body).outcome == (410, "invitation_gone")
    other = {"token": team.invite(unique_email(), "viewer")["token"]}
    assert guest.call("POST", "/v1/invitations/accept", other,
                      headers=keyed(key)).outcome == (422, "idempotency_mismatch")


def test_two_at_once_have_one_effect(platform, app_schema, crew):
    """The second finds the first still running: 409 at once, and the first answer afterwards."""
    target = app_schema.add("slow(word text)",
                            f"INSERT INTO {app_schema.name}.marks (word) SELECT word FROM pg_sleep(1) RETURNING id",
                            "POST", "slow")
    word, key, answers = unique("slow"), unique("key"), []
    threads = [threading.Thread(target=lambda: answers.append(
        crew.call("owner", "POST", target, {"word": word}, headers=keyed(key)))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    outcomes = sorted(str(answer.outcome) for answer in answers)
    assert outcomes == ["(409, 'idempotency_in_progress')", "(409, 'idempotency_in_progress')", "200"]
    assert app_schema.marks(word) == 1
    again = crew.call("owner", "POST", target, {"word": word}, headers=keyed(key))
    assert again.status == 200 and again.headers[REPLAYED] == "true" and app_schema.marks(word) == 1


@pytest.mark.parametrize("key", ["", " ", "a b", "x" * 256, "é", "a\tb"])
def test_keys_that_are_none(platform, key):
    person = platform.register()
    answer = person.call("POST", "/v1/tenants", {"name": "x"}, headers=keyed(key.encode()))
    assert answer.status == 400, answer
    assert own_tenants(person) == 0


@pytest.mark.parametrize("key", ["k", "x" * 255, "!~'\";--", "../../x", "100%"])
def test_keys_that_are_some(platform, key):
    person = platform.register()
    ids = {person.call("POST", "/v1/tenants", {"name": "x"}, headers=keyed(key)).json["id"] for _ in range(2)}
    assert len(ids) == 1


def test_sign_ins_are_never_replayed(platform):
    person, key = platform.register(), unique("key")
    body = {"email": person.email, "password": person.password}
    answers = [platform.call("POST", "/v1/auth/login", body, headers=keyed(key)) for _ in range(2)]
    assert all(answer.status == 200 and REPLAYED not in answer.headers for answer in answers)
    assert answers[0].json["access_token"] != answers[1].json["access_token"]
    person.call("POST", "/v1/auth/logout", headers=keyed(key))
    assert platform.count("SELECT count(*) FROM factory.user_idempotency_keys WHERE user_id = %s", person.id) == 0


def test_only_post_takes_a_key(platform, team):
    key = unique("key")
    for name in ("First", "Second"):
        answer = team.call("owner", "PATCH", "/v1/tenant", {"name": name}, headers=keyed(key))
        assert answer.json["name"] == name and REPLAYED not in answer.headers
    assert REPLAYED not in team.call("owner", "GET", "/v1/tenant", headers=keyed(key)).headers


def test_kept_answers_are_sealed_and_expire(platform, team):
    key = unique("key")
    guest = {"email": unique_email("guest"), "role": "viewer"}
    first = team.call("owner", "POST", "/v1/invitations", guest, headers=keyed(key))
    rows = platform.admin(
        "SELECT answer, key_hash, fingerprint, expires_at - created_at FROM factory.idempotency_keys"
        " WHERE tenant_id = %s AND user_id = %s ORDER BY created_at DESC LIMIT 1", team.id, team.owner.id)
    answer, key_hash, fingerprint, life = rows[0]
    kept = bytes(answer) + bytes(key_hash) + bytes(fingerprint)
    for secret in (first.json["token"], guest["email"], first.json["id"], "token", "HTTP", key):
        assert secret.encode() not in kept, secret
    assert life.total_seconds() == 24 * 3600
    platform.admin("UPDATE factory.idempotency_keys SET expires_at = clock_timestamp() WHERE key_hash = %s", key_hash)
    late = team.call("owner", "POST", "/v1/invitations", guest, headers=keyed(key))
    assert late.outcome == (409, "invitation_pending")


def test_an_answer_moved_to_another_row_is_not_replayed(platform):
    """A writer of the table cannot pass one caller's answer off as another's."""
    one, two, key = platform.register(), platform.register(), unique("key")
    body = {"name": "Moved"}
    for person in (one, two):
        person.call("POST", "/v1/tenants", body, headers=keyed(key))
    platform.admin("UPDATE factory.user_idempotency_keys a SET answer = b.answer FROM factory.user_idempotency_keys b"
                   " WHERE a.user_id = %s AND b.user_id = %s", two.id, one.id)
    assert two.call("POST", "/v1/tenants", body, headers=keyed(key)).outcome == (422, "idempotency_mismatch")


IF_MATCH = [
    (None, 200),
    ('"v1"', 200),
    ("*", 200),
    ('"v2"', 412),
    ('"v0"', 412),
    ('"v18446744073709551616"', 412),
    ('"x"', 412),
    ('""', 412),
    ('"v1" ', 200),
    ("v1", 400),
    ('W/"v1"', 400),
    ('"v1', 400),
    ("", 400),
    ('"v1""v2"', 400),
    ("'v1'", 400),
]


@pytest.mark.parametrize("value, status", IF_MATCH)
def test_if_match(platform, value, status):
    crew = Crew(platform, ("owner",))
    answer = crew.call("owner", "PATCH", "/v1/tenant", {"name": "Changed"}, headers={"If-Match": value})
    assert answer.status == status, answer
    if status == 412:
        assert answer.code == "precondition_failed"
    now = crew.call("owner", "GET", "/v1/tenant")
    assert (now.json["name"] == "Changed") == (status == 200)
    assert now.headers["etag"] == ('"v2"' if status == 200 else '"v1"')


def test_if_match_guards_a_member_too(platform):
    crew = Crew(platform, ("owner", "staff"))
    path = f"/v1/members/{crew.people['staff'].id}"
    etag = crew.call("owner", "GET", path).headers["etag"]
    assert crew.call("owner", "PATCH", path, {"role": "viewer"}, headers={"If-Match": etag}).status == 200
    stale = crew.call("owner", "PATCH", path, {"role": "admin"}, headers={"If-Match": etag})
    assert stale.outcome == (412, "precondition_failed")
    assert crew.role_of(crew.people["staff"]) == "viewer"


def test_a_stale_tag_says_nothing_to_who_may_not_change(platform):
    crew = Crew(platform, ("owner", "viewer"))
    for tag in ('"v1"', '"v9"'):
        assert crew.call("viewer", "PATCH", "/v1/tenant", {"name": "x"},
                         headers={"If-Match": tag}).outcome == (403, "forbidden")


def test_prefer_minimal_leaves_the_body_out(platform):
    crew = Crew(platform, ("owner",))
    minimal = {"Prefer": "return=minimal"}
    changed = crew.call("owner", "PATCH", "/v1/tenant", {"name": "Small"}, headers=minimal)
    assert changed.status in (200, 204) and changed.body == b"" and changed.headers["etag"] == '"v2"'
    assert changed.headers["preference-applied"] == "return=minimal" and "content-type" not in changed.headers
    assert crew.call("owner", "GET", "/v1/tenant").json["name"] == "Small"
    for value in ("return=representation", "respond-async", "return=minimal; x", ""):
        answer = crew.call("owner", "PATCH", "/v1/tenant", {"name": "Small"}, headers={"Prefer": value})
        assert answer.status == 200 and json.loads(answer.body)["name"] == "Small"
    assert crew.call("owner", "GET", "/v1/tenant", headers=minimal).json["name"] == "Small"
    refused = crew.call("owner", "PATCH", "/v1/tenant", {"name": ""}, headers=minimal)
    assert refused.outcome == (422, "validation_failed") and refused.json["errors"]
