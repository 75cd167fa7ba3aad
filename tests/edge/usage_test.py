"""Plans over HTTP, and limits under everybody at once: 64 sessions at a cap never exceed it by one."""

import datetime
import threading

import psycopg2
import pytest

from platform_client import Crew, unique, unique_email, wait_until

SESSIONS = 64


@pytest.fixture
def plan(platform):
    """A plan of the test's own, smaller than all that are shipped: set(metric, limit) and give(workspace)."""

    class Plan:
        name = unique("plan")
        given = []

        def set(self, metric, limit):
            platform.admin("SELECT factory.set_plan_limit(%s, %s, %s)", self.name, metric, limit)

        def give(self, workspace):
            platform.admin("SELECT factory.set_tenant_plan(%s, %s)", workspace["id"], self.name)
            self.given.append(workspace["id"])

    made = Plan()
    platform.admin("SELECT factory.set_plan(%s, 'Of a test', 1)", made.name)
    yield made
    for tenant in made.given:
        platform.admin("SELECT factory.set_tenant_plan(%s, 'free')", tenant)
    platform.admin("SELECT factory.drop_plan(%s)", made.name)


def usage(crew, role="owner"):
    answer = crew.call(role, "GET", "/v1/usage")
    assert answer.status == 200, answer
    return answer.json["plan"], {row["metric"]: row for row in answer.json["metrics"]}


def all_at_once(platform, crew, statement, rounds=1):
    """Runs a statement in 64 sessions of the owner at once, `rounds` times each; how often it was done, and the SQLSTATEs."""
    barrier, lock, done, states = threading.Barrier(SESSIONS), threading.Lock(), [], []

    def session():
        connection = psycopg2.connect(platform.urls["app"])
        try:
            barrier.wait(30)
            for _ in range(rounds):
                try:
                    with connection, connection.cursor() as cursor:
                        cursor.execute("SELECT factory.sign_in(%s, %s)", (crew.owner.token, crew.id))
                        cursor.execute(statement)
                    with lock:
                        done.append(1)
                except psycopg2.Error as error:
                    with lock:
                        states.append(error.pgcode)
        finally:
            connection.close()

    threads = [threading.Thread(target=session) for _ in range(SESSIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return len(done), set(states)


def account(platform, crew, metric):
    return platform.admin("SELECT used, reserved FROM factory.quota_accounts WHERE tenant_id = %s AND metric = %s",
                          crew.id, metric)[0]


def test_usage_shows_every_metric_to_every_member(platform):
    crew = Crew(platform)
    for role in crew.people:
        plan_name, metrics = usage(crew, role)
        assert plan_name == "free"
        assert list(metrics) == ["members", "api_keys", "records", "storage_bytes", "requests_month", "ai_usd_month",
                                 "ai_requests_day", "exports_day"]
    assert metrics["members"]["used"] == 4 and metrics["members"]["limit"] == 25
    assert metrics["members"]["period_end"] is None and metrics["members"]["forecast"] is None
    begin = datetime.datetime.fromisoformat(metrics["requests_month"]["period_start"].replace("Z", "+00:00"))
    end = datetime.datetime.fromisoformat(metrics["requests_month"]["period_end"].replace("Z", "+00:00"))
    assert begin.day == end.day == 1 and begin <= datetime.datetime.now(datetime.timezone.utc) < end
    assert metrics["requests_month"]["forecast"] >= metrics["requests_month"]["used"] >= 4
    assert crew.call("viewer", "GET", "/v1/usage?metric=members").outcome == (422, "validation_failed")
    stranger = platform.register()
    assert stranger.call("GET", "/v1/usage", tenant=crew.id).outcome == (404, "tenant_not_found")
    assert platform.call("GET", "/v1/usage", tenant=crew.id).outcome == (401, "unauthenticated")


def test_a_full_plan_says_which_one_would_fit(platform, plan):
    crew = Crew(platform)
    plan.set("members", 5)
    plan.give(crew.workspace)
    crew.invite(unique_email(), "viewer")
    refused = crew.call("owner", "POST", "/v1/invitations", {"email": unique_email(), "role": "viewer"})
    assert refused.outcome == (402, "plan_limit")
    problem = refused.json
    assert (problem["metric"], problem["limit"], problem["needed"]) == ("members", 5, 6)
    assert (problem["plan"], problem["plan_that_fits"]) == (plan.name, "free")
    assert "free" in problem["detail"] and problem["hint"]
    _, metrics = usage(crew)
    assert (metrics["members"]["used"], metrics["members"]["reserved"]) == (4, 1)


def test_requests_are_counted_without_a_row_and_never_lost(platform):
    crew = Crew(platform, ("owner",))
    before = usage(crew)[1]["requests_month"]["used"]
    for _ in range(20):
        assert crew.call("owner", "GET", "/v1/tenant").status == 200
    made = before + 20

    def shown():
        nonlocal made
        made += 1
        return usage(crew)[1]["requests_month"]["used"] == made

    def brought():
        platform.admin("SELECT factory.flush_requests()")
        return platform.count("SELECT coalesce(sum(used), 0) FROM factory.quota_accounts"
                              " WHERE tenant_id = %s AND metric = 'requests_month'", crew.id) == made

    # In memory, in the account, and in either while the worker is between two steps.
    assert wait_until(shown) and wait_until(brought) and wait_until(shown)


def test_a_month_used_up_leaves_reading_open(platform, plan):
    crew = Crew(platform, ("owner",))
    plan.set("requests_month", 3)
    plan.give(crew.workspace)
    for _ in range(3):
        crew.call("owner", "GET", "/v1/tenant")

    def used_up():
        platform.admin("SELECT factory.flush_requests()")
        refused = crew.call("owner", "PATCH", "/v1/tenant", {"name": "More"})
        return refused.outcome == (402, "plan_limit") and refused.json["metric"] == "requests_month"

    assert wait_until(used_up)
    assert crew.call("owner", "GET", "/v1/tenant").status == 200
    plan.set("requests_month", None)
    assert crew.call("owner", "PATCH", "/v1/tenant", {"name": "More"}).status == 200


@pytest.mark.parametrize("cap, amount", [(100, 1), (1000, 7)])
def test_64_sessions_never_use_one_more_than_the_cap(platform, plan, cap, amount):
    crew = Crew(platform, ("owner",))
    plan.set("records", cap)
    plan.give(crew.workspace)
    done, states = all_at_once(platform, crew, f"SELECT factory.quota_use('records', {amount})", rounds=4)
    assert done == cap // amount and states == {"PT402"}
    assert account(platform, crew, "records") == (done * amount, 0)


def test_64_sessions_reserve_and_settle_to_the_last_one(platform, plan):
    crew = Crew(platform, ("owner",))
    plan.set("ai_usd_month", 50)
    plan.give(crew.workspace)
    done, states = all_at_once(platform, crew, "SELECT factory.quota_reserve('ai_usd_month', 1)", rounds=2)
    assert done == 50 and states == {"PT402"}
    assert account(platform, crew, "ai_usd_month") == (0, 50)
    settle = ("SELECT factory.quota_settle(id, 2) FROM (SELECT %s::uuid AS id) one")
    ids = [row[0] for row in platform.admin("SELECT id::text FROM factory.quota_reservations WHERE tenant_id = %s", crew.id)]
    # Each of them by all at once: one settles, the others are told that it is gone.
    done, states = all_at_once(platform, crew, settle.replace("%s", f"'{ids[0]}'"))
    assert done == 1 and states == {"PT410"}
    assert account(platform, crew, "ai_usd_month") == (2, 49)
    # Everything lapses while all ask for room: what is freed is given out once.
    platform.admin("UPDATE factory.quota_reservations SET expires_at = clock_timestamp() WHERE tenant_id = %s", crew.id)
    done, states = all_at_once(platform, crew, "SELECT factory.quota_reserve('ai_usd_month', 1)", rounds=1)
    assert done == 48 and states == {"PT402"}
    assert account(platform, crew, "ai_usd_month") == (2, 48)


def test_the_last_seats_are_taken_once(platform, plan):
    crew = Crew(platform, ("owner",))
    guests = [platform.register("guest") for _ in range(8)]
    tokens = [crew.invite(guest.email, "viewer")["token"] for guest in guests]
    plan.set("members", 4)
    plan.give(crew.workspace)
    outcomes, barrier = [], threading.Barrier(len(guests))

    def join(guest, token):
        barrier.wait(30)
        outcomes.append(guest.call("POST", "/v1/invitations/accept", {"token": token}).outcome)

    threads = [threading.Thread(target=join, args=pair) for pair in zip(guests, tokens)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes, key=str) == sorted([200] * 3 + [(402, "plan_limit")] * 5, key=str)
    assert platform.count("SELECT count(*) FROM factory.memberships WHERE tenant_id = %s", crew.id) == 4
