"""Health and safe mode over HTTP, in the pages of the edge, and the .env that it prints."""

import os
import subprocess

import pytest

from platform_client import unique_email

SHOWN = ["database", "encryption", "jobs", "outbox", "safe_mode", "session_secret"]


@pytest.fixture
def safe_mode(platform):
    platform.admin("SELECT factory.enter_safe_mode('a test')")
    yield
    if platform.count("SELECT count(*) FROM factory.safe_mode"):
        platform.admin("SELECT factory.leave_safe_mode()")


def metric(platform, name):
    text = platform.call("GET", "/metrics").body
    lines = (text.decode() if isinstance(text, bytes) else text).splitlines()
    return [line.split()[1] for line in lines if line.startswith(name + " ")]


def test_every_role_sees_colours_and_nobody_evidence(platform, crew):
    platform.admin("SELECT factory.run_job('check_health')")
    for role in ("owner", "admin", "staff", "viewer"):
        answer = crew.call(role, "GET", "/v1/health")
        assert answer.status == 200, answer
        assert sorted(answer.json) == ["checked_at", "colour", "components", "safe_mode"]
        assert sorted(row["component"] for row in answer.json["components"]) == SHOWN
        assert all(sorted(row) == ["colour", "component"] for row in answer.json["components"])
    assert platform.call("GET", "/v1/health", tenant=crew.id).outcome == (401, "unauthenticated")
    stranger = platform.register()
    assert platform.call("GET", "/v1/health", token=stranger.token, tenant=crew.id).outcome == (404, "tenant_not_found")


def test_health_that_nobody_looked_at_is_amber(platform, crew):
    platform.admin("DELETE FROM factory.health_components")
    answer = crew.call("viewer", "GET", "/v1/health")
    assert (answer.json["colour"], answer.json["checked_at"]) == ("amber", None)
    platform.admin("SELECT factory.run_job('check_health')")
    assert crew.call("viewer", "GET", "/v1/health").json["checked_at"] is not None


def test_pages_of_the_edge_carry_colour_and_safe_mode(platform, safe_mode):
    ready = platform.call("GET", "/readyz")
    assert (ready.status, ready.json["health"], ready.json["safe_mode"]) == (200, "red", "on")
    assert "a test" not in str(ready.json)
    assert (metric(platform, "factory_health"), metric(platform, "factory_safe_mode")) == (["2"], ["1"])
    platform.admin("SELECT factory.leave_safe_mode()")
    assert platform.call("GET", "/readyz").json["safe_mode"] == "off"  # and the metrics know it from there
    assert metric(platform, "factory_safe_mode") == ["0"]


def test_safe_mode_stops_writes_alone(platform, crew, safe_mode):
    refused = crew.call("owner", "PATCH", "/v1/tenant", {"name": "Not now"})
    assert refused.outcome == (503, "safe_mode")
    assert refused.json["reasons"] == ["a test"]
    assert crew.call("viewer", "PATCH", "/v1/tenant", {"name": "Not now"}).outcome == (503, "safe_mode")
    assert platform.call("POST", "/v1/auth/register", {
        "email": unique_email(), "password": "a quite long phrase", "name": "New"}).outcome == (503, "safe_mode")
    for path in ("/v1/tenant", "/v1/members", "/v1/audit-logs", "/v1/health", "/v1/usage"):
        assert crew.call("owner", "GET", path).status == 200, path
    assert crew.call("owner", "POST", "/v1/jobs/expire_invitations/run", {"dry_run": True}).status == 200
    login = platform.call("POST", "/v1/auth/login", {"email": crew.owner.email, "password": crew.owner.password})
    assert login.status == 200, login
    refreshed = platform.call("POST", "/v1/auth/refresh", {"refresh_token": login.json["refresh_token"]})
    assert refreshed.status == 200, refreshed
    assert platform.call("POST", "/v1/auth/logout", token=refreshed.json["access_token"]).status == 204
    platform.admin("SELECT factory.leave_safe_mode()")
    name = crew.call("owner", "GET", "/v1/tenant").json["name"]
    assert crew.call("owner", "PATCH", "/v1/tenant", {"name": name}).status == 200


def printed_env(*arguments, **environment):
    clean = {name: value for name, value in os.environ.items()
             if not name.startswith(("FACTORY_", "DATABASE_URL", "SMTP_", "JOBS_"))}
    run = subprocess.run([os.environ["EDGE_BINARY"], "env", *arguments], env={**clean, **environment}, text=True,
                         capture_output=True, timeout=20)
    lines = [line.split("=", 1) for line in run.stdout.splitlines() if not line.startswith("#")]
    return run, dict(lines)


def test_an_env_is_complete_and_its_secrets_are_fresh():
    run, first = printed_env()
    assert run.returncode == 0, run.stderr
    _, second = printed_env()
    for name in ("SESSION_SECRET", "ENCRYPTION_KEY", "DATABASE_URL"):
        assert first[name] != second[name] and len(first[name]) >= 64
    assert first["SESSION_SECRET"] != first["ENCRYPTION_KEY"]
    checked = subprocess.run([os.environ["EDGE_BINARY"], "--check-config"], env=first, text=True, capture_output=True,
                             timeout=20)
    assert checked.returncode == 0, checked.stderr
    known = {line.split("=", 1)[0] for line in checked.stdout.splitlines()}
    assert known | {"SESSION_SECRET", "ENCRYPTION_KEY"} == set(first)


def test_an_env_keeps_what_is_set(tmp_path):
    before = tmp_path / "before.env"
    before.write_text("# mine\nSESSION_SECRET=kept kept\nENCRYPTION_KEY=\nOTHER='of an app'\nFACTORY_POOL_SIZE=7\nSMTP_URL=smtp://a=b\n")
    run, values = printed_env(str(before), FACTORY_POOL_SIZE="9")
    assert run.returncode == 0, run.stderr
    assert values["SESSION_SECRET"] == "kept kept" and values["OTHER"] == "'of an app'"
    assert values["SMTP_URL"] == "smtp://a=b"
    assert values["FACTORY_POOL_SIZE"] == "9"
    assert len(values["ENCRYPTION_KEY"]) == 64
    after = tmp_path / "after.env"
    after.write_text(run.stdout)
    again, _ = printed_env(str(after))
    assert again.stdout.replace(str(after), "") == run.stdout.replace(str(before), "")


def test_a_file_that_is_no_env_is_refused_and_not_repeated(tmp_path):
    wrong = tmp_path / "wrong.env"
    wrong.write_text("FINE=1\nsecret without a name\n")
    run, _ = printed_env(str(wrong))
    assert run.returncode != 0 and "line 2" in run.stderr
    assert "secret without" not in run.stderr + run.stdout
    run, _ = printed_env(str(tmp_path / "missing.env"))
    assert run.returncode != 0 and run.stdout == ""
