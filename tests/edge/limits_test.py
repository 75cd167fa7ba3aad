"""Limits as clients meet them: headers and refusals, races for one key, floods, proxies, guesses at accounts."""

import collections
import concurrent.futures
import contextlib
import re
import time

import pytest

from platform_client import Crew, unique, unique_email

MEMBER = re.compile(r'"([a-z_]+)";([a-z])=(\d+);([a-z])=(\d+)')


def members(field):
    """{"api": {"q": 100, "w": 60}} of a list of the RateLimit fields."""
    found = {name: {first: int(a), second: int(b)} for name, first, a, second, b in MEMBER.findall(field)}
    assert len(found) == len(field.split(", ")), field
    return found


@pytest.fixture()
def crew_of_two(platform):
    return Crew(platform, ("owner", "viewer"))


@contextlib.contextmanager
def policy(platform, operation_class, strategy, burst, count, period, tenant=None):
    """A policy set by an operator; afterwards what held before."""
    before = platform.admin("SELECT burst, count, period, name FROM factory.rate_policies WHERE class = %s AND strategy = %s"
                            " AND NOT shipped AND plan = ''", operation_class, strategy)
    setting = "SELECT factory.set_platform_rate_policy(%s, %s, %s, %s, %s, tenant => %s, name => %s)"
    name = before[0][3] if before else "account" if strategy == "account" else operation_class
    platform.admin(setting, operation_class, strategy, burst, count, period, tenant, name)
    try:
        yield
    finally:
        if tenant or not before:
            platform.admin("SELECT factory.drop_platform_rate_policy(%s, %s, %s)", operation_class, strategy, tenant)
        else:
            platform.admin(setting, operation_class, strategy, *before[0][:3], None, name)


def at_once(threads, work):
    with concurrent.futures.ThreadPoolExecutor(threads) as pool:
        return list(pool.map(work, range(threads)))


def test_every_counted_answer_says_what_is_left(platform, crew_of_two):
    with policy(platform, "api", "tenant_user", 4, 4, 60, crew_of_two.id):
        for method, target, role, status, left in (("GET", "/v1/tenant", "viewer", 200, 3),
                                                   ("GET", "/v1/audit-logs", "viewer", 403, 2),
                                                   ("HEAD", "/v1/tenant", "viewer", 200, 1),
                                                   ("GET", f"/v1/members/{crew_of_two.id}", "viewer", 404, 0)):
            answer = crew_of_two.call(role, method, target)
            assert answer.status == status
            assert members(answer.headers["ratelimit-policy"]) == {"api": {"q": 4, "w": 60}}
            state = members(answer.headers["ratelimit"])["api"]
            assert state["r"] == left and 15 * (4 - left) - 5 <= state["t"] <= 15 * (4 - left)
            assert "retry-after" not in answer.headers


def test_a_refusal_says_when_to_come_back_and_that_is_true(platform, crew_of_two):
    with policy(platform, "api", "tenant_user", 2, 1, 2, crew_of_two.id):
        codes = [crew_of_two.call("viewer", "GET", "/v1/tenant").status for _ in range(2)]
        assert codes == [200, 200]
        answer = crew_of_two.call("viewer", "GET", "/v1/tenant")
        assert answer.outcome == (429, "rate_limited")
        wait = int(answer.headers["retry-after"])
        assert 1 <= wait <= 2 and answer.json["retry_after"] == wait
        assert members(answer.headers["ratelimit"]) == {"api": {"r": 0, "t": wait}}
        assert crew_of_two.call("owner", "GET", "/v1/tenant").status == 200
        time.sleep(wait)
        assert crew_of_two.call("viewer", "GET", "/v1/tenant").status == 200


def test_a_workspace_is_not_slowed_by_another(platform, crew_of_two, crew):
    with policy(platform, "api", "tenant_user", 1, 1, 60, crew_of_two.id):
        owner = crew_of_two.owner
        other = owner.call("POST", "/v1/tenants", {"name": unique("Other")}).json
        assert [crew_of_two.call("owner", "GET", "/v1/tenant").status for _ in range(2)] == [200, 429]
        assert owner.enter(other)("GET", "/v1/tenant").status == 200
        assert crew.call("viewer", "GET", "/v1/tenant").status == 200


def test_parallel_calls_never_get_past_the_limit(platform, crew_of_two):
    with policy(platform, "api", "tenant_user", 10, 1, 86400, crew_of_two.id):
        statuses = at_once(24, lambda _: crew_of_two.call("viewer", "GET", "/v1/tenant").status)
    assert collections.Counter(statuses) == {200: 10, 429: 14}


def test_64_backends_on_one_key_never_get_past_the_limit(platform):
    key, limit = unique("key"), 100

    def passed(_):
        connection = platform.connect("app")
        try:
            with connection.cursor() as cursor:
                return sum(one_call(cursor) for _ in range(10))
        finally:
            connection.close()

    def one_call(cursor):
        cursor.execute("SELECT NOT limited FROM factory.throttle(%s, %s, 1, 86400)", (key, limit))
        return cursor.fetchone()[0]

    assert sum(at_once(64, passed)) == limit


def test_a_million_keys_take_no_memory_and_free_no_blocked_one(platform):
    size = "SELECT allocated_size FROM pg_shmem_allocations WHERE name = 'factory_limiter'"
    before = platform.count(size)
    connection = platform.connect("app")
    word = unique("flood")
    with connection.cursor() as cursor:
        def limited(key, *numbers):
            cursor.execute("SELECT limited FROM factory.throttle(%s, %s, %s, %s)", (key, *numbers))
            return cursor.fetchone()[0]

        blocked = [unique("blocked") for _ in range(20)]
        assert not any(limited(key, 1, 1, 600) for key in blocked)
        cursor.execute("""SELECT count(*) FILTER (WHERE NOT t.limited) FROM (
                            SELECT (factory.throttle(%s || n, 1, 1, 20)).limited FROM generate_series(1, 1000000) n) t""",
                       (word,))
        # Only as many as there are cells pass, and some that share one; the others wait for a cell.
        entries = int(platform.count("SELECT setting FROM pg_settings WHERE name = 'factory.limiter_entries'"))
        assert entries / 4 < cursor.fetchone()[0] <= entries
        assert all(limited(key, 1, 1, 600) for key in blocked)
        assert limited(unique("late"), 1, 1, 20)
    connection.close()
    assert platform.count(size) == before
    # The platform's own half is untouched.
    assert platform.call("GET", "/v1/permissions").status == 200


def test_behind_a_trusted_proxy_the_client_is_the_right_most_other_address(platform, start_edge, edge_database_url):
    trusting = start_edge(edge_database_url, FACTORY_TRUSTED_PROXIES="127.0.0.1/32,198.51.100.0/24")
    near = type(platform)(f"http://127.0.0.1:{trusting.address[1]}", *(platform.urls[k] for k in ("app", "admin", "edge")))

    def ask(through, forwarded):
        return through.call("GET", "/v1/permissions", headers={"X-Forwarded-For": forwarded}).status

    with policy(platform, "public", "ip", 2, 1, 600):
        # Whatever a client writes further left does not make it another client.
        assert [ask(near, f"10.0.0.{n}, 203.0.113.50, 198.51.100.9") for n in range(3)] == [200, 200, 429]
        assert [ask(near, f"2001:db8:5:5::{n}") for n in range(3)] == [200, 200, 429]
        assert ask(near, "::ffff:203.0.113.50") == 429
        assert ask(near, "203.0.113.51") == 200
        # Without that trust the header is nothing.
        assert [ask(platform, f"203.0.113.{n}") for n in range(100, 103)] == [200, 200, 429]
    platform.admin("DELETE FROM factory.platform_rate_blocks WHERE policy = 'public'")


def test_refusals_stand_in_the_block_log_of_their_workspace(platform, crew_of_two, crew):
    with policy(platform, "api", "tenant_user", 1, 1, 600, crew_of_two.id):
        statuses = [crew_of_two.call("viewer", "GET", "/v1/tenant").status for _ in range(41)]
        assert statuses == [200] + [429] * 40
    listed = crew_of_two.call("owner", "GET", "/v1/rate-limits/blocks").json["data"]
    # One row, or two where the minute ended meanwhile.
    assert len(listed) in (1, 2)
    assert {(row["policy"], row["strategy"], row["subject"]) for row in listed} == {
        ("api", "tenant_user", crew_of_two.people["viewer"].id)}
    assert all(row["hits"] & (row["hits"] - 1) == 0 for row in listed) and 20 <= sum(row["hits"] for row in listed) <= 40
    assert crew.call("viewer", "GET", "/v1/rate-limits/blocks").outcome == (403, "forbidden")
    assert crew_of_two.id not in crew.call("owner", "GET", "/v1/rate-limits/blocks").body.decode()


def test_a_flood_from_many_addresses_does_not_fill_the_log(platform):
    connection = platform.connect("edge")
    with policy(platform, "public", "ip", 1, 1, 600), connection.cursor() as cursor:
        cursor.execute("""SELECT s.status, count(*) FROM generate_series(1, 3) again, generate_series(1, 1500) n,
                            factory.serve_global('GET', '/v1/permissions', '{}', '', '100.64.0.0'::inet + n + 0 * again) s
                          GROUP BY 1 ORDER BY 1""")
        assert cursor.fetchall() == [(200, 1500), (429, 3000)]
    connection.close()
    rows = platform.admin("SELECT minute, count(*), bool_or(subject = 'others') FROM factory.platform_rate_blocks"
                          " WHERE policy = 'public' GROUP BY 1")
    assert all(count <= 1001 for _, count, _ in rows)
    assert len(rows) > 1 or rows[0][2]
    platform.admin("DELETE FROM factory.platform_rate_blocks WHERE policy = 'public'")


def test_parallel_guesses_at_an_account_end_at_ten(platform):
    email = unique_email("guessed")

    def guess(n):
        return platform.call("POST", "/v1/auth/login", {"email": email, "password": f"a wrong phrase {n}"}).outcome

    locks = "SELECT count(*) FROM factory.account_lockouts WHERE locked_at > now() - interval '1 minute'"
    before = platform.count(locks)
    with policy(platform, "login", "account", 10, 10, 900):
        outcomes = collections.Counter(at_once(30, guess))
        wrong = outcomes[(401, "invalid_credentials")]
        assert wrong <= 10
        # A server that is busy hashing turns some away unheard; those do not count.
        for n in range(10 - wrong):
            assert guess(100 + n) == (401, "invalid_credentials")
        assert guess(0) == (429, "account_locked")
    assert set(outcomes) <= {(401, "invalid_credentials"), (429, "account_locked"), (503, "kdf_busy")}
    assert platform.count(locks) == before + 1


def test_a_locked_account_tells_nothing(platform):
    person, stranger = platform.register("locked"), unique_email("nobody")
    with policy(platform, "login", "account", 3, 3, 60):
        for email in (person.email, stranger):
            for _ in range(3):
                answer = platform.call("POST", "/v1/auth/login", {"email": email, "password": "a wrong phrase"})
                assert answer.outcome == (401, "invalid_credentials")
        answers = [platform.call("POST", "/v1/auth/login", {"email": email, "password": person.password})
                   for email in (person.email, stranger)]
        for answer in answers:
            assert answer.outcome == (429, "account_locked")
            assert members(answer.headers["ratelimit-policy"])["account"] == {"q": 3, "w": 60}
            wait = int(answer.headers["retry-after"])
            assert members(answer.headers["ratelimit"])["account"] == {"r": 0, "t": wait} and 50 <= wait <= 60
        known, unknown = ({**a.json, "request_id": "", "retry_after": 0} for a in answers)
        assert known == unknown
        assert set(answers[0].headers) == set(answers[1].headers)
        platform.admin("SELECT factory.unlock_account(%s)", person.email)
        assert person.sign_in().token


def test_limits_of_a_workspace_are_its_administrators_to_tighten(platform, crew_of_two):
    body = {"class": "accept", "strategy": "ip", "burst": 5, "count": 5, "period": 60}
    put = lambda role, **changed: crew_of_two.call(role, "PUT", "/v1/rate-limits/policies", {**body, **changed})
    assert put("viewer").outcome == (403, "forbidden")
    assert put("owner").json == {"name": "accept", **body, "source": "workspace"}
    assert put("owner", burst=1000000).outcome == (422, "validation_failed")
    assert put("owner", strategy="host").pointers == [("#/strategy", "invalid_value")]
    assert put("owner", source="operator").pointers == [("#/source", "unknown_field")]
    listed = crew_of_two.call("owner", "GET", "/v1/rate-limits/policies").json["data"]
    assert {"name": "accept", **body, "source": "workspace"} in listed
    assert put("owner", enabled=False).json["source"] == "platform"
    assert [event["target_id"] for event in platform.events(crew_of_two.id, action="rate_policy.changed",
                                                            outcome="success")] == ["accept/ip", "accept/ip"]


def test_calls_of_an_app_name_their_class(platform, app_schema, crew_of_two):
    target = app_schema.add("count_me()", "SELECT factory.uuid7()", "POST", "counted", requires="workspace.view",
                            rate_class="bookings")
    open_target = app_schema.add("open_me()", "SELECT factory.uuid7()", "GET", "open", requires="anyone", scope="global")
    assert "api" in members(crew_of_two.call("viewer", "POST", target).headers["ratelimit-policy"])
    assert "public" in members(platform.call("GET", open_target).headers["ratelimit-policy"])
    with policy(platform, "bookings", "tenant", 2, 1, 600):
        assert [crew_of_two.call(role, "POST", target).status for role in ("viewer", "owner", "viewer")] == [200, 200, 429]
        assert crew_of_two.call("viewer", "GET", "/v1/tenant").status == 200
