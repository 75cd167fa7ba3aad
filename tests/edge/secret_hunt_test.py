"""Passwords and tokens are planted in every place that takes them; afterwards no log and no view holds one."""

import json
import os
import pathlib

import psycopg2
import pytest

from platform_client import Crew, unique, unique_email


class Canaries:
    """Secrets that were handed to the platform or by it, each with the place it was planted in."""

    def __init__(self, platform):
        self.planted = {}
        self.log_sizes = {log: platform.log_size(log) for log in ("LOG", "EDGE_LOG")}

    def new(self, where):
        self.planted[unique("canary")] = where
        return list(self.planted)[-1]

    def add(self, where, secret):
        self.planted[secret] = where
        return secret

    def found_in(self, text):
        return sorted(where for secret, where in self.planted.items() if secret in text)


def sign_ups_and_sign_ins(platform, canaries):
    email, password = unique_email(), canaries.new("password of an account")
    body = {"email": email, "password": password, "name": "Ann"}
    pair = platform.call("POST", "/v1/auth/register", body).json
    platform.call("POST", "/v1/auth/register", body)
    platform.call("POST", "/v1/auth/register", {**body, "email": canaries.new("address that is none")})
    platform.call("POST", "/v1/auth/register",
                  {**body, "email": unique_email(), "password": canaries.new("password") * 9})
    platform.call("POST", "/v1/auth/register", {**body, "passwort": canaries.new("value of an unknown field")})
    platform.call("POST", "/v1/auth/register", {**body, "password": [canaries.new("password in a list")]})
    login = platform.call("POST", "/v1/auth/login", {"email": email, "password": password}).json
    platform.call("POST", "/v1/auth/login", {"email": email, "password": canaries.new("wrong password")})
    platform.call("POST", "/v1/auth/login", {"email": unique_email(), "password": canaries.new("password of nobody")})
    platform.call("POST", "/v1/auth/login",
                  b'{"password": "' + canaries.new("password in broken JSON").encode() + b'", }')
    platform.call("POST", "/v1/auth/login", canaries.new("body that is no JSON").encode())
    platform.call("POST", "/v1/auth/login", {"password": canaries.new("password twice too big") + "x" * 2_000_000})
    refreshed = platform.call("POST", "/v1/auth/refresh", {"refresh_token": login["refresh_token"]}).json
    platform.call("POST", "/v1/auth/refresh", {"refresh_token": canaries.new("refresh token that is none")})
    for name, one in (("register", pair), ("login", login), ("refresh", refreshed)):
        for token in ("access_token", "refresh_token"):
            canaries.add(f"{token} of {name}", one[token])
    return refreshed["access_token"]


def credentials_of_every_form(platform, canaries, token):
    forms = [
        {"Authorization": f"Bearer {canaries.new('bearer token')}"},
        {"Authorization": canaries.new("authorization")},
        {"Authorization": f"Basic {canaries.new('basic credential')}"},
        {"Authorization": f"Bearer {token[:-3]}{canaries.new('tail of a token')}"},
        {"Authorization": f"Bearer {canaries.new('long token') * 5000}"},
        {"Authorization": f"Bearer {token}", "X-API-Key": canaries.new("second credential")},
        {"X-API-Key": canaries.new("API key")},
        {"Cookie": canaries.new("cookie")},
        {"Proxy-Authorization": canaries.new("proxy credential")},
    ]
    for headers in forms:
        platform.call("GET", "/v1/me", headers=headers)
    platform.call("GET", f"/v1/me?access_token={canaries.new('token in the query')}", token=token)
    platform.call("GET", f"/v1/nothing?password={canaries.new('password in the query')}")
    platform.call("POST", "/v1/tenants", {"name": "x"}, token=token,
                  headers={"Idempotency-Key": canaries.new("idempotency key")})


def invitations(platform, canaries):
    crew, guest = Crew(platform, ("owner", "viewer")), platform.register("guest")
    token = canaries.add("invitation token", crew.invite(guest.email, "viewer")["token"])
    canaries.add("secret half of an invitation token", token.split(".")[1])
    crew.owner.call("POST", "/v1/invitations/accept", {"token": token})
    guest.call("POST", "/v1/invitations/accept", {"token": token})
    guest.call("POST", "/v1/invitations/accept", {"token": token})
    guest.call("POST", "/v1/invitations/accept",
               {"token": token.split(".")[0] + "." + canaries.new("invitation token that is none")})
    return crew


def errors_over_sql(platform, canaries, crew, token):
    """As an app with a driver that writes its parameters into the statement."""
    connection = platform.connect("app")
    cases = [("factory.login(%s, %s)", unique_email(), canaries.new("password over SQL")),
             ("factory.register(%s, %s, 'x')", "none", canaries.new("password of a registration over SQL")),
             ("factory.refresh(%s)", canaries.new("refresh token over SQL")),
             ("factory.sign_in(%s)", canaries.new("token over SQL")),
             ("factory.sign_in(%s, %s)", token, "00000000-0000-0000-0000-000000000000"),
             ("factory.sign_in(%s, %s)", canaries.add("token of a viewer", crew.people["viewer"].token), crew.id)]
    with connection.cursor() as cursor:
        for call, *values in cases:
            try:
                cursor.execute(f"SELECT {call}", values)
            except psycopg2.Error as error:
                assert canaries.found_in(f"{error} {error.diag.context}") == []
    connection.close()


def broken_functions_of_an_app(platform, canaries, crew, app_schema):
    """A function that fails with its caller's text in the message: the answer has it not, nor the log."""
    target = app_schema.add("fail(secret text)", "SELECT (secret || '')::integer", "POST", "fail", returns="integer")
    answer = crew.call("owner", "POST", target, {"secret": canaries.new("argument of a failing function")})
    assert answer.status == 422 and canaries.found_in(answer.body.decode()) == []


@pytest.fixture(scope="module")
def canaries(platform, app_schema):
    canaries = Canaries(platform)
    token = sign_ups_and_sign_ins(platform, canaries)
    credentials_of_every_form(platform, canaries, token)
    crew = invitations(platform, canaries)
    errors_over_sql(platform, canaries, crew, token)
    broken_functions_of_an_app(platform, canaries, crew, app_schema)
    kid, key = platform.signing_key()
    canaries.add("signing key", key.hex())
    secrets = pathlib.Path(platform.count("SHOW factory.secrets_file")).read_text()
    for line in secrets.splitlines():
        canaries.add(line.split("=")[0], line.split("=", 1)[1])
    return canaries


@pytest.mark.parametrize("log", ["LOG", "EDGE_LOG"])
def test_no_log_holds_a_secret(platform, canaries, log):
    assert len(canaries.planted) >= 40
    text = platform.log_text(log, canaries.log_sizes[log])
    assert len(text) > 1000
    assert canaries.found_in(text) == []


def test_every_line_of_the_edges_log_is_json(platform, canaries):
    lines = [json.loads(line) for line in platform.log_text("EDGE_LOG", canaries.log_sizes["EDGE_LOG"]).splitlines()]
    calls = [line for line in lines if line["event"] == "request"]
    assert len(calls) > 30
    assert all("?" not in line.get("path", "") for line in calls)


@pytest.mark.parametrize("what", [
    "pg_stat_activity", "pg_settings", "pg_prepared_statements", "cron.job", "pg_stat_database", "factory.audit_events",
    "factory.platform_events", "factory.sessions", "factory.refresh_tokens", "factory.invitations",
    "factory.credentials", "factory.idempotency_keys", "factory.signing_keys", "factory.user_idempotency_keys",
    "factory.routes"])
def test_no_view_or_table_holds_a_secret(platform, canaries, what):
    text = platform.count(f"SELECT coalesce(string_agg(v::text, ' '), '') FROM {what} v")
    assert canaries.found_in(text) == []


def test_no_answer_repeats_a_secret(platform, canaries):
    for secret in list(canaries.planted)[:20]:
        answer = platform.call("POST", "/v1/auth/login", {"email": unique_email(), "password": secret, "extra": secret})
        assert answer.status == 422 and secret.encode() not in answer.body


def test_the_processes_hold_secrets_in_no_place_that_others_see(platform, canaries):
    """Arguments and titles of the processes; the environment is the owner's alone."""
    pids = [int(name) for name in os.listdir("/proc") if name.isdigit()]
    for pid in pids:
        try:
            arguments = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().decode("utf-8", "replace")
        except OSError:
            continue
        assert canaries.found_in(arguments) == []
