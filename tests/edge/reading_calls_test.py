"""GET and HEAD change nothing, whatever the function behind them tries; the other methods are as HTTP has them."""

import pytest

WRITES = {
    "sql": ("INSERT INTO {schema}.marks (word) VALUES ('{word}') RETURNING id", "sql"),
    "plpgsql": ("BEGIN INSERT INTO {schema}.marks (word) VALUES ('{word}'); RETURN NULL; END", "plpgsql"),
    "caught": ("BEGIN INSERT INTO {schema}.marks (word) VALUES ('{word}'); RETURN NULL;"
               " EXCEPTION WHEN OTHERS THEN INSERT INTO {schema}.marks (word) VALUES ('{word}'); RETURN NULL; END",
               "plpgsql"),
    "made writable": ("BEGIN SET LOCAL transaction_read_only = off;"
                      " INSERT INTO {schema}.marks (word) VALUES ('{word}'); RETURN NULL; END", "plpgsql"),
    "sign out first": ("BEGIN PERFORM factory.sign_out(); INSERT INTO {schema}.marks (word) VALUES ('{word}');"
                       " RETURN NULL; END", "plpgsql"),
    "sequence": ("SELECT nextval('{schema}.numbers')::text::uuid", "sql"),
    "notify": ("BEGIN PERFORM pg_notify('marks', '{word}'); DELETE FROM {schema}.marks; RETURN NULL; END", "plpgsql"),
    "ddl": ("BEGIN CREATE TABLE {schema}.more (); RETURN NULL; END", "plpgsql"),
}


@pytest.fixture(scope="module")
def writers(app_schema):
    app_schema.run(f"CREATE SEQUENCE {app_schema.name}.numbers")
    app_schema.run(f"GRANT ALL ON SEQUENCE {app_schema.name}.numbers TO factory_app")
    targets = {}
    for name, (body, language) in WRITES.items():
        plain = name.replace(" ", "_")
        targets[name] = app_schema.add(f"write_{plain}()", body.format(schema=app_schema.name, word=f"get {name}"),
                                       "GET", f"write/{plain}", language=language)
    return targets


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("name", WRITES)
def test_a_writing_function_under_get_is_an_error(platform, crew, app_schema, writers, name, method):
    before = platform.count(f"SELECT count(*) FROM {app_schema.name}.marks")
    answer = crew.call("owner", method, writers[name])
    # Who tries to make the transaction writable breaks a rule of transactions, before any row.
    expected = (500, "internal") if name == "made writable" else (405, "read_only")
    assert answer.status == expected[0] and (method == "HEAD" or answer.code == expected[1]), answer
    assert platform.count(f"SELECT count(*) FROM {app_schema.name}.marks") == before
    assert app_schema.marks(f"get {name}") == 0
    assert not platform.count(f"SELECT is_called FROM {app_schema.name}.numbers")


def test_the_same_function_under_post_writes(platform, crew, app_schema):
    target = app_schema.add("write_post()",
                            f"INSERT INTO {app_schema.name}.marks (word) VALUES ('posted') RETURNING id", "POST",
                            "write/post")
    answer = crew.call("owner", "POST", target)
    assert answer.status == 200 and set(answer.json) == {"result"} and app_schema.marks("posted") == 1


def test_reading_leaves_no_trace_in_the_audit_log(platform, crew):
    before = platform.count("SELECT count(*) FROM factory.audit_events WHERE tenant_id = %s", crew.id)
    for path in ("/v1/tenant", "/v1/members", "/v1/audit-logs", "/v1/invitations", f"/v1/members/{crew.owner.id}"):
        assert crew.call("owner", "GET", path).status == 200
    assert platform.count("SELECT count(*) FROM factory.audit_events WHERE tenant_id = %s", crew.id) == before


@pytest.mark.parametrize("path",
                         ["/v1/me", "/v1/tenant", "/v1/members", "/v1/permissions", "/v1/openapi.json", "/healthz"])
def test_head_is_get_without_the_body(crew, path):
    get, head = crew.call("owner", "GET", path), crew.call("owner", "HEAD", path)
    assert head.body == b""
    assert head.status == get.status == 200
    changing = ("date", "x-request-id", "ratelimit")
    assert {name: value for name, value in head.headers.items() if name not in changing} == {
        name: value for name, value in get.headers.items() if name not in changing}


def test_options_and_405_name_the_methods(platform, crew):
    expected = {
        "/v1/me": {"GET", "HEAD"}, "/v1/tenant": {"GET", "HEAD", "PATCH"}, "/v1/tenants": {"GET", "HEAD", "POST"},
        "/v1/members/x": {"GET", "HEAD", "PATCH", "DELETE"}, "/v1/auth/login": {"POST"},
        "/v1/invitations": {"GET", "HEAD", "POST"}, "/v1/invitations/accept": {"DELETE", "POST"}}
    for path, methods in expected.items():
        options = platform.call("OPTIONS", path)
        assert (options.status, options.body) == (204, b"")
        assert {name.strip() for name in options.headers["allow"].split(",")} == methods | {"OPTIONS"}, path
        for method in {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"} - methods:
            answer = platform.call(method, path)
            assert answer.status == 405, (method, path)
            assert answer.headers["allow"] == options.headers["allow"]
    assert platform.call("OPTIONS", "/v1/nothing").outcome == (404, "not_found")
    assert platform.call("TRACE", "/v1/me").status == 501
