"""Bad bodies, content types, parameters, limits and cursors: each gets a problem with a code, and nothing changes."""

import base64
import json
import urllib.parse
import uuid

import pytest

from platform_client import PASSWORD, Crew, encode, unique, unique_email

MALFORMED, INVALID = (400, "malformed_json"), (422, "validation_failed")
NAME = b'{"name": "x"}'

BODIES = {
    "nothing": (b"", INVALID),
    "a space": (b" ", MALFORMED),
    "no JSON": (b"name=x", MALFORMED),
    "half an object": (b'{"name": "x"', MALFORMED),
    "half a text": (b'{"name": "x', MALFORMED),
    "two objects": (NAME + NAME, MALFORMED),
    "a tail": (NAME + b"x", MALFORMED),
    "a comma too much": (b'{"name": "x",}', MALFORMED),
    "a comment": (b'{"name": "x" /* y */}', MALFORMED),
    "single quotes": (b"{'name': 'x'}", MALFORMED),
    "no quotes": (b'{name: "x"}', MALFORMED),
    "NaN": (b'{"name": NaN}', MALFORMED),
    "a mark in front": (b"\xef\xbb\xbf" + NAME, MALFORMED),
    "UTF-16": ('{"name": "x"}'.encode("utf-16"), MALFORMED),
    "Latin-1": ('{"name": "é"}'.encode("latin-1"), MALFORMED),
    "half a character": (b'{"name": "\xc3"}', MALFORMED),
    "an overlong character": (b'{"name": "\xc0\xaf"}', MALFORMED),
    "a surrogate in UTF-8": (b'{"name": "\xed\xa0\x80"}', MALFORMED),
    "half a surrogate": (b'{"name": "\\ud800"}', MALFORMED),
    "U+0000": (b'{"name": "a\\u0000b"}', MALFORMED),
    "U+0000 in a name": (b'{"na\\u0000me": "x"}', MALFORMED),
    "a NUL byte": (b'{"name": "a\x00b"}', MALFORMED),
    "a line break in a text": (b'{"name": "a\nb"}', MALFORMED),
    "the same field twice": (b'{"name": "x", "name": "y"}', MALFORMED),
    "the same field twice, escaped": (b'{"name": "x", "n\\u0061me": "y"}', MALFORMED),
    "the same field twice, below": (b'{"name": "x", "slug": {"a": {"b": 1, "b": 2}}}', MALFORMED),
    "65 levels": (b'{"name": ' + b"[" * 65 + b"]" * 65 + b"}", MALFORMED),
    "100,000 levels": (b"[" * 100_000, MALFORMED),
    "a list": (b'[{"name": "x"}]', MALFORMED),
    "a text": (b'"x"', MALFORMED),
    "a number": (b"1", MALFORMED),
    "null": (b"null", MALFORMED),
    "a list for a text": (b'{"name": ["x"]}', INVALID),
    "an object for a text": (b'{"name": {"x": 1}}', INVALID),
    "a number for a text": (b'{"name": 1}', INVALID),
    "true for a text": (b'{"name": true}', INVALID),
    "null for a text": (b'{"name": null}', INVALID),
    "a number beyond all types": (b'{"name": 1e999}', MALFORMED),
    "an empty object": (b"{}", INVALID),
    "an unknown field": (b'{"name": "x", "nmae": "y"}', INVALID),
    "a field of the row": (b'{"name": "x", "id": "01a20ff3-076d-7515-abc5-65cea1cb7317"}', INVALID),
    "a field of the row, too": (b'{"name": "x", "status": "deleted"}', INVALID),
    "an argument of the function": (b'{"name": "x", "expected_version": 1}', INVALID),
    "an empty name of a field": (b'{"name": "x", "": 1}', INVALID),
    "a field named in SQL": (b'{"name": "x", "\\"; DROP TABLE x; --": 1}', INVALID),
    "too long a text": (json.dumps({"name": "x" * 201}).encode(), INVALID),
    "a megabyte of text": (json.dumps({"name": "x" * 1_000_000}).encode(), INVALID),
    "1,000 fields": (json.dumps({f"f{n}": n for n in range(1000)}).encode(), INVALID),
}


@pytest.fixture(scope="module")
def person(platform):
    return platform.register()


@pytest.fixture(autouse=True)
def same_server(platform):
    """No backend died: the crash of one ends every session, this fixture's too, and resets the statistics."""
    facts = "SELECT pg_postmaster_start_time(), (SELECT stats_reset FROM pg_stat_bgwriter)"
    before = platform.admin(facts)
    yield
    assert platform.admin(facts) == before


@pytest.mark.parametrize("case", BODIES)
def test_a_bad_body_is_refused(platform, person, case):
    body, outcome = BODIES[case]
    answer = person.call("POST", "/v1/tenants", body)
    assert answer.outcome == outcome, answer
    if outcome == INVALID:
        assert answer.pointers
    assert person.call("GET", "/v1/tenants").json["data"] == []


def test_64_levels_are_still_json(platform, person):
    answer = person.call("POST", "/v1/tenants", b'{"name": "x", "x": ' + b"[" * 63 + b"]" * 63 + b"}")
    assert answer.outcome == INVALID and answer.pointers == [("#/x", "unknown_field")]


def test_five_megabytes_are_refused_at_the_door(platform, person):
    answer = person.call("POST", "/v1/tenants", b'{"name": "' + b"x" * 5_000_000 + b'"}')
    assert answer.outcome == (413, "body_too_large")


def test_a_name_is_said_back_in_part(platform, person):
    answer = person.call("POST", "/v1/tenants", {"name": "x", "é" * 100_000: 1})
    assert answer.outcome == INVALID and answer.pointers == [("#/" + "é" * 32 + "…", "unknown_field")]


def test_every_field_that_is_wrong_is_named(platform, person):
    answer = person.call("POST", "/v1/tenants", {"name": 1, "slug": [], "extra": None, "status": "x"})
    assert answer.pointers == [("#/extra", "unknown_field"), ("#/name", "invalid_type"), ("#/slug", "invalid_type"),
                               ("#/status", "unknown_field")]


@pytest.mark.parametrize("value, status", [("application/json", 201), ("application/json; charset=utf-8", 201),
                                           ("APPLICATION/JSON", 201), (None, 201),
                                           ("application/x-www-form-urlencoded", 415), ("text/plain", 415),
                                           ("application/jsonp", 415), ("multipart/form-data", 415),
                                           ("application/vnd.api+json", 415), ("text/json", 415), ("json", 415)])
def test_content_types(platform, value, status):
    person = platform.register()
    answer = person.call("POST", "/v1/tenants", {"name": "x"}, headers={"Content-Type": value})
    assert answer.status == status, answer
    assert len(person.call("GET", "/v1/tenants").json["data"]) == (status == 201)


def test_codings_are_refused(platform, person):
    for field, value in (("Content-Encoding", "gzip"), ("Content-Encoding", "br"), ("Transfer-Encoding", "chunked")):
        answer = person.call("POST", "/v1/tenants", b"0\r\n\r\n", headers={field: value, "Content-Length": None})
        assert answer.status in (400, 411, 415), (field, answer)


@pytest.mark.parametrize("query, pointer", [
    ("x=1", ("#/x", "unknown_parameter")), ("user_id=1", ("#/user_id", "unknown_parameter")),
    ("after=1", ("#/after", "unknown_parameter")), ("Limit=1", ("#/Limit", "unknown_parameter")),
    ("tenant_id=1", ("#/tenant_id", "unknown_parameter")), ("offset=1", ("#/offset", "unknown_parameter"))])
def test_unknown_parameters_are_refused(crew, query, pointer):
    answer = crew.call("owner", "GET", f"/v1/members?{query}")
    assert answer.outcome == INVALID and pointer in answer.pointers


@pytest.mark.parametrize(
    "query",
    ["limit=1&limit=2", "limit=1&limit=1", "x=%zz", "x=%", "limit=%00", "x=%ff", "x=%c0%af", "cursor=a&cursor=b"])
def test_broken_queries_are_refused(crew, query):
    assert crew.call("owner", "GET", f"/v1/members?{query}").outcome in ((400, "bad_request"), INVALID), query


@pytest.mark.parametrize(
    "limit", ["0", "-1", "101", "1.5", "1e1", "", "x", "+1", " 1", "0x10", "99999999999999999999", "1;", "١", "null"])
def test_limits_that_are_none(crew, limit):
    answer = crew.call("owner", "GET", f"/v1/members?limit={urllib.parse.quote(limit)}")
    assert answer.outcome == INVALID and answer.pointers == [("#/limit", "invalid_value")]


@pytest.mark.parametrize("limit, shown", [("1", 1), ("3", 3), ("4", 4), ("100", 4), ("004", 4)])
def test_limits(crew, limit, shown):
    answer = crew.call("owner", "GET", f"/v1/members?limit={limit}")
    assert len(answer.json["data"]) == shown
    assert answer.json["has_more"] == (shown < 4) and (answer.json["next_cursor"] is None) == (shown == 4)


def test_pages_join_without_gap_or_repetition(platform):
    crew = Crew(platform)
    for _ in range(3):
        crew.invite(unique_email("guest"), "viewer")
    for path, name in (("/v1/members", "user_id"), ("/v1/invitations", "id"), ("/v1/audit-logs", "id")):
        whole = [row[name] for row in crew.call("owner", "GET", f"{path}?limit=100").json["data"]]
        seen, cursor = [], ""
        while cursor is not None:
            page = crew.call("owner", "GET", f"{path}?limit=2{cursor and '&cursor=' + cursor}").json
            assert len(page["data"]) <= 2 and page["has_more"] == (page["next_cursor"] is not None)
            seen += [row[name] for row in page["data"]]
            cursor = page["next_cursor"]
        assert seen == whole and len(set(seen)) == len(seen) > 3


def test_cursors_that_this_list_did_not_give_out(platform, crew):
    cursor = crew.call("owner", "GET", "/v1/members?limit=1").json["next_cursor"]
    assert crew.call("owner", "GET", f"/v1/members?cursor={cursor}").status == 200
    raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    bad = [
        "", "x", cursor[:-1], cursor + "A", cursor + "=",
        cursor.swapcase(),
        str(uuid.uuid4()), "null", "AAAA", "A" * 4000,
        encode(raw[:-1]),
        encode(raw + b"x"),
        encode(b""),
        encode(b"\xff" * len(raw)),
        encode(b"' OR 1=1 --"),
        encode(json.dumps({"id": str(uuid.uuid4())}).encode())]
    for one in bad:
        assert crew.call("owner", "GET", f"/v1/members?cursor={one}").outcome == (400, "invalid_cursor"), one
    for path in ("/v1/invitations", "/v1/audit-logs", "/v1/tenants"):
        assert crew.call("owner", "GET", f"{path}?cursor={cursor}").outcome == (400, "invalid_cursor"), path


def test_a_cursor_of_another_workspace_shows_nothing_of_it(platform, crew):
    other = Crew(platform, ("owner", "staff", "viewer"))
    cursor = other.call("owner", "GET", "/v1/members?limit=1").json["next_cursor"]
    answer = crew.call("owner", "GET", f"/v1/members?cursor={cursor}")
    mine = {person.id for person in crew.people.values()}
    assert answer.status == 200 and {row["user_id"] for row in answer.json["data"]} <= mine


@pytest.mark.parametrize("path", [
    "/v1", "/", "/v1/", "/v1/me/", "//v1/me", "/v1//me", "/V1/me", "/v1/me/x", "/v2/me", "/v1/./me", "/v1/tenant/../me",
    "/v1/%6De", "/v1/members/%00", "/v1/members/%2e%2e", "/v1/members/a%2Fb", "/v1/members/" + "x" * 4000,
    "/v1/app/none", "/v1/members/%F0%9F%A6%89"])
def test_paths_that_lead_nowhere(crew, path):
    answer = crew.call("owner", "GET", path)
    if path == "/v1/%6De":
        assert answer.status in (200, 404)  # the same resource, percent-encoded
    else:
        assert answer.outcome in ((404, "not_found"), (400, "bad_request")), answer


def test_a_reading_call_has_no_body_and_a_writing_one_no_query(platform, crew):
    assert crew.call("owner", "GET", "/v1/tenant", b"{}").status == 400
    answer = crew.call("owner", "PATCH", "/v1/tenant?name=y", {"name": "y"})
    assert answer.outcome == INVALID and answer.pointers == [("#/name", "unknown_parameter")]
    answer = crew.call("owner", "PATCH", f"/v1/members/{crew.owner.id}", {"role": "owner", "user_id": crew.owner.id})
    assert answer.outcome == INVALID and answer.pointers == [("#/user_id", "unknown_field")]
    assert crew.call("owner", "GET", "/v1/tenant").json == crew.workspace


@pytest.mark.parametrize(
    "slug",
    ["", "a", "ab", "-abc", "abc-", "Abc", "a_b", "a b", "a.b", "ä-b-c", "x" * 49, "www", "api", "admin", "a/b"])
def test_slugs_that_are_none(platform, person, slug):
    answer = person.call("POST", "/v1/tenants", {"name": "x", "slug": slug})
    assert answer.outcome == INVALID and answer.pointers[0][0] == "#/slug"
    assert person.call("GET", "/v1/tenants").json["data"] == []


@pytest.mark.parametrize("parameter, value", [("from", "yesterday"), ("from", "now"), ("from", "infinity"),
                                              ("from", "2026-13-01T00:00:00Z"), ("from", "2026-02-30T00:00:00Z"),
                                              ("from", "2026-01-01"), ("from", "2026-01-01T00:00:00"), ("to", "1"),
                                              ("to", "epoch"), ("to", "2026-01-01T25:00:00Z"),
                                              ("to", "294277-01-01T00:00:00Z"), ("to", "")])
def test_times_that_are_none(crew, parameter, value):
    answer = crew.call("owner", "GET", f"/v1/audit-logs?{parameter}={value}")
    assert answer.outcome == INVALID and answer.pointers == [(f"#/{parameter}", "invalid_value")]


def test_text_stays_text(platform):
    person = platform.register()
    for name in ("'; DROP TABLE factory.users; --", "$1", "%s %n", "\\", '"', "{}", "<script>alert(1)</script>",
                 "\u202eabc", "ÿ" * 200):
        workspace = person.call("POST", "/v1/tenants", {"name": name})
        assert workspace.status == 201 and workspace.json["name"] == name
        enter = person.enter(workspace.json)
        assert enter("GET", "/v1/tenant").json["name"] == name
        assert enter("GET", "/v1/audit-logs").json["data"][0]["after"]["name"] == name


def test_public_calls_take_no_body_fields_but_their_own(platform):
    for path in ("/v1/auth/login", "/v1/auth/refresh", "/v1/auth/register"):
        body = {
            "email": unique_email(), "password": PASSWORD, "name": "x", "refresh_token": unique("t"), "user_id": "1"}
        assert platform.call("POST", path, body).outcome == INVALID
        assert platform.call("POST", path, b"").outcome == INVALID
        assert platform.call("POST", path, b"[]").outcome == MALFORMED
