"""What the edge tells the database, and what it makes of the answers, of failures and of silence."""

import hashlib
import os
import socket
import threading
import time
import uuid

import psycopg2
import psycopg2.extensions
import pytest

from conftest import with_parameters
from raw_requests import Connection, ask, request

TENANT = "01890000-0000-7000-8000-000000000001"
BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def api_key(tenant, kind="live"):
    number, digits = uuid.UUID(tenant).int, ""
    for _ in range(22):
        number, digit = divmod(number, 62)
        digits = BASE62[digit] + digits
    return f"pf_{kind}_{digits}{'a' * 32}{'b' * 6}"


@pytest.fixture(scope="module")
def edge(start_edge, misbehaving_database):
    return start_edge(misbehaving_database, FACTORY_CALL_TIMEOUT="2")


@pytest.fixture(scope="module")
def query(misbehaving_database):
    connection = psycopg2.connect(misbehaving_database)
    connection.autocommit = True

    def run(sql):
        with connection.cursor() as cursor:
            cursor.execute(sql)
            return cursor.fetchone()[0]

    yield run
    connection.close()


def echo(edge, *fields, **options):
    return ask(edge.address, "GET /echo HTTP/1.1", *fields, **options).json()


# What the running platform answers.

def test_the_platform_answers_through_the_edge(edge_address):
    assert ask(edge_address, "GET /healthz HTTP/1.1").json() == {"status": "ok"}
    ready = ask(edge_address, "GET /readyz HTTP/1.1").json()
    assert ready["status"] == ready["database"] == "ok" and ready["version"]
    assert ask(edge_address, "GET /v1/errors HTTP/1.1").status == 200
    unknown = ask(edge_address, "GET /v1/there-is-no-such-path HTTP/1.1")
    assert (unknown.status, unknown.code) == (404, "not_found")
    body = b'{"email": "nobody@example.com", "password": "wrong password"}'
    login = ask(edge_address, "POST /v1/auth/login HTTP/1.1", "Content-Type: application/json",
                f"Content-Length: {len(body)}", body=body)
    assert (login.status, login.code) == (401, "invalid_credentials")


def test_a_global_path_with_a_tenant_is_asked_again_without(edge_address):
    answer = ask(edge_address, "GET /v1/errors HTTP/1.1", f"X-Tenant-Id: {TENANT}")
    assert answer.status == 200
    assert "x-factory-tenant" not in answer.headers


# Arguments.

def test_arguments_of_a_call(edge):
    body = bytes(range(256))
    fields = ("Content-Length: 256", "X-Request-Id: mine")
    told = ask(edge.address, "PATCH /echo?a=%41&b HTTP/1.1", *fields, body=body).json()
    assert told == {"tenant": None, "method": "PATCH", "target": "/echo?a=%41&b", "headers": {"x-request-id": "mine"},
                    "body": body.hex(), "peer": "127.0.0.1"}
    assert ask(edge.address, "GET http://a/echo?x HTTP/1.1").json()["target"] == "/echo?x"
    assert ask(edge.address, "OPTIONS /echo HTTP/1.1").json()["method"] == "OPTIONS"


def test_only_listed_headers_reach_the_database(edge):
    listed = {"authorization": "Bearer x", "content-type": "application/json", "accept": "a, b",
              "accept-language": "de", "idempotency-key": "i", "if-match": '"v1"', "if-none-match": '"v2"',
              "prefer": "return=minimal", "user-agent": 'say "hi" \\o/', "origin": "http://a", "x-request-id": "r"}
    others = ["Cookie: a=b", "Referer: http://a", "X-Forwarded-Host: b", "Forwarded: for=1.2.3.4", "X-Any: x", "Via: x",
              "X-Forwarded-For: 1.2.3.4", f"X-Tenant-Id: {TENANT}", "Connection: close, x", "DNT: 1"]
    once = [f"{name.title()}: {value}" for name, value in listed.items() if name != "accept"]
    sent = ["Accept: a", "Accept: b", *once]
    assert echo(edge, *sent, *others)["headers"] == listed


def test_a_body_of_one_mebibyte_arrives_whole(edge):
    body = os.urandom(1024 * 1024)
    told = ask(edge.address, "POST /length HTTP/1.1", f"Content-Length: {len(body)}", body=body).json()
    assert told == {"length": len(body), "sha256": hashlib.sha256(body).hexdigest()}


@pytest.mark.parametrize("given, kept", [
    ("abc", True), ("a" * 128, True), ("A-Z.09_:", True), ("a" * 129, False), ("", False), ("a b", False),
    ('a"b', False), ("a/b", False), ("<x>", False)])
def test_request_id(edge, given, kept):
    answer = ask(edge.address, "GET /echo HTTP/1.1", f"X-Request-Id: {given}")
    request_id = answer.headers["x-request-id"]
    assert answer.json()["headers"]["x-request-id"] == request_id
    assert (request_id == given) == kept
    if not kept:
        assert uuid.UUID(request_id).version == 7


# The tenant.

@pytest.mark.parametrize("fields, tenant", [
    ([], None),
    ([f"X-Tenant-Id: {TENANT}"], TENANT),
    ([f"X-Tenant-Id: {'01890000-0000-7000-8000-00000000000A'}"], "01890000-0000-7000-8000-00000000000a"),
    ([f"X-API-Key: {api_key(TENANT)}"], TENANT),
    ([f"X-API-Key: {api_key(TENANT, 'test')}"], TENANT),
    ([f"Authorization: Bearer {api_key(TENANT)}"], TENANT),
    ([f"Authorization: bearer  {api_key(TENANT)}"], TENANT),
    ([f"Authorization: Bearer {api_key(TENANT)}", f"X-API-Key: {api_key(TENANT)}"], TENANT),
    ([f"X-API-Key: {api_key('00000000-0000-0000-0000-000000000000')}"], "00000000-0000-0000-0000-000000000000"),
    ([f"X-API-Key: {api_key('ffffffff-ffff-ffff-ffff-ffffffffffff')}"], "ffffffff-ffff-ffff-ffff-ffffffffffff"),
    ([f"X-Tenant-Id: {TENANT}", f"X-API-Key: {api_key('ffffffff-ffff-ffff-ffff-ffffffffffff')}"], TENANT),
    (["Authorization: Bearer eyJhbGciOiJIUzI1NiJ9.e30.x"], None),
    ([f"Authorization: Basic {api_key(TENANT)}"], None),
    (["X-API-Key: pf_live_" + "z" * 60], None),
    ([f"X-API-Key: {api_key(TENANT)}x"], None),
    ([f"X-API-Key: {api_key(TENANT)[:-1]}"], None),
    ([f"X-API-Key: pf_prod_{api_key(TENANT)[8:]}"], None),
    (["X-API-Key: "], None),
])
def test_the_tenant_comes_from_the_header_or_from_the_key(edge, fields, tenant):
    assert echo(edge, *fields)["tenant"] == tenant


def test_a_misdirected_call_is_asked_once_more(edge, query):
    assert ask(edge.address, f"GET /for-tenant?{TENANT} HTTP/1.1").json() == {"tenant": TENANT}
    assert ask(edge.address, "GET /for-global HTTP/1.1", f"X-Tenant-Id: {TENANT}").json() == {"tenant": None}
    before = query("SELECT nextval('factory.attempts')")
    answer = ask(edge.address, "POST /never-at-home HTTP/1.1", "Content-Length: 0")
    assert answer.status == 421
    assert "x-factory-tenant" not in answer.headers
    assert query("SELECT nextval('factory.attempts')") - before == 3


@pytest.mark.parametrize("place", ["nowhere", "GLOBAL", "", "global"])
def test_a_place_that_is_none_or_the_same_is_not_asked(edge, query, place):
    before = query("SELECT nextval('factory.attempts')")
    assert ask(edge.address, f"GET /misdirected-nowhere?{place} HTTP/1.1").status == 421
    assert query("SELECT nextval('factory.attempts')") - before == 2


# Answers.

def test_headers_of_the_database_are_checked(edge):
    headers = ask(edge.address, "GET /headers HTTP/1.1").headers
    assert headers["x-good"] == "kept"
    assert headers["cache-control"] == "max-age=5"
    assert headers["content-length"] == "2"
    assert headers["x-request-id"] != "forged"
    assert not {"x-line", "x-smuggled", "x bad name", "transfer-encoding"} & set(headers)


def test_HEAD_says_the_length_of_GET_and_sends_nothing(edge):
    get = ask(edge.address, "GET /large?5000 HTTP/1.1")
    with Connection(edge.address) as connection:
        connection.send(request("HEAD /large?5000 HTTP/1.1") + request("HEAD /echo HTTP/1.1", "Connection: close"))
        answers = [connection.answer("HEAD"), connection.answer("HEAD")]
        assert [answer.status for answer in answers] == [200, 200]
        assert answers[0].headers["content-length"] == get.headers["content-length"] == "5002"
        assert connection.is_closed()


def test_no_content_has_no_length(edge):
    answer = ask(edge.address, "GET /no-content HTTP/1.1")
    assert (answer.status, answer.body) == (204, b"")
    assert not {"content-length", "content-type"} & set(answer.headers)


@pytest.mark.parametrize("status", [200, 201, 202, 299, 301, 400, 401, 404, 409, 410, 418, 422, 429, 500, 503, 599])
def test_statuses_pass(edge, status):
    assert ask(edge.address, f"GET /status?{status} HTTP/1.1").status == status


@pytest.mark.parametrize("path", [
    "/status?100", "/status?199", "/status?0", "/status?-1", "/status?600", "/null", "/bad-headers"])
def test_an_answer_that_is_none_is_an_internal_error(edge, path):
    answer = ask(edge.address, f"GET {path} HTTP/1.1")
    assert (answer.status, answer.code) == (500, "internal")


# Failures.

@pytest.mark.parametrize("sqlstate, status, code, tries_to_read", [
    ("57014", 504, "timeout", 1), ("53300", 503, "database_unavailable", 1), ("40001", 503, "serialization", 2),
    ("40P01", 503, "serialization", 2), ("42501", 500, "internal", 1), ("XX000", 500, "internal", 1),
    ("PT418", 500, "internal", 1), ("22P02", 500, "internal", 1)])
def test_errors_of_the_call(edge, query, sqlstate, status, code, tries_to_read):
    for line, tries in ((f"GET /raise?{sqlstate} HTTP/1.1", tries_to_read), (f"POST /raise?{sqlstate} HTTP/1.1", 1)):
        before = query("SELECT nextval('factory.attempts')")
        answer = ask(edge.address, line, "Content-Length: 0")
        assert (answer.status, answer.code) == (status, code)
        assert answer.headers.get("retry-after") == ("1" if status == 503 else None)
        assert query("SELECT nextval('factory.attempts')") - before == tries + 1
        assert "refused" not in answer.body.decode()


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_call_that_takes_too_long_is_ended(edge, method):
    start = time.monotonic()
    answer = ask(edge.address, f"{method} /sleep?30 HTTP/1.1", "Content-Length: 0")
    assert (answer.status, answer.code) == (504, "timeout")
    assert 1.5 < time.monotonic() - start < 3


def test_a_reading_call_whose_client_has_gone_is_cancelled(start_edge, misbehaving_database, query):
    edge = start_edge(misbehaving_database)
    running = ("SELECT count(*) FROM pg_stat_activity "
               "WHERE application_name = 'factory-edge' AND state = 'active' AND datname = current_database()")
    for method, left in (("GET", 0), ("POST", 1)):
        with Connection(edge.address) as connection:
            connection.send(request(f"{method} /sleep?4 HTTP/1.1", "Content-Length: 0"))
            time.sleep(0.5)
            assert query(running) == 1
        time.sleep(1.7)
        assert query(running) == left


def test_more_calls_than_connections_wait_their_turn_or_hear_503(start_edge, misbehaving_database):
    edge = start_edge(misbehaving_database, FACTORY_POOL_SIZE="2", FACTORY_THREADS="22")
    statuses, times = [], []

    def call():
        start = time.monotonic()
        statuses.append(ask(edge.address, "GET /sleep?1.2 HTTP/1.1").status)
        times.append(time.monotonic() - start)

    threads = [threading.Thread(target=call) for _ in range(20)]
    for thread in threads:
        thread.start()
    start = time.monotonic()
    assert ask(edge.address, "GET /healthz HTTP/1.1").status == 200
    assert time.monotonic() - start < 1
    for thread in threads:
        thread.join()
    assert set(statuses) == {200, 503}
    assert 4 <= statuses.count(200) <= 6
    assert max(times) < 4.5


# Outages, made by a relay that can be cut between edge and database.

class Relay:
    """Hands bytes on between a TCP port and the database, until it is told not to."""

    def __init__(self, database_url):
        parameters = psycopg2.extensions.parse_dsn(database_url)
        port = parameters.get("port", "5432")
        host = parameters.get("host", "localhost")
        self.target = f"{host}/.s.PGSQL.{port}" if host.startswith("/") else (host, int(port))
        self.frozen = threading.Event()
        self.pairs = []
        self.listener = None
        self.port = 0
        self.open()
        self.url = with_parameters(database_url, host="127.0.0.1", port=str(self.port), sslmode="disable")

    def open(self):
        self.listener = socket.create_server(("127.0.0.1", self.port))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, args=(self.listener,), daemon=True).start()

    def _accept(self, listener):
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            server = socket.socket(socket.AF_UNIX if isinstance(self.target, str) else socket.AF_INET)
            server.connect(self.target)
            self.pairs.append((client, server))
            for source, sink in ((client, server), (server, client)):
                threading.Thread(target=self._copy, args=(source, sink), daemon=True).start()

    def _copy(self, source, sink):
        try:
            while data := source.recv(65536):
                while self.frozen.is_set():
                    time.sleep(0.01)
                sink.sendall(data)
        except OSError:
            pass
        for end in (source, sink):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def cut(self):
        """As a server that has crashed: connections break, new ones are refused."""
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.break_connections()

    def break_connections(self):
        for pair in self.pairs:
            for end in pair:
                try:
                    end.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
        self.pairs.clear()


@pytest.fixture
def relay(misbehaving_database):
    relay = Relay(misbehaving_database)
    yield relay
    relay.frozen.clear()
    relay.cut()


def test_an_outage_is_answered_at_once_and_heals_within_a_second(start_edge, relay):
    edge = start_edge(relay.url)
    for _ in range(3):
        assert ask(edge.address, "GET /echo HTTP/1.1").status == 200
        relay.cut()
        for method in ("GET", "POST", "GET"):
            start = time.monotonic()
            answer = ask(edge.address, f"{method} /echo HTTP/1.1", "Content-Length: 0")
            assert (answer.status, answer.code) == (503, "database_unavailable")
            assert answer.headers["retry-after"] == "1"
            assert time.monotonic() - start < 2
        ready = ask(edge.address, "GET /readyz HTTP/1.1")
        assert (ready.status, ready.code) == (503, "database_unavailable")
        assert ask(edge.address, "GET /healthz HTTP/1.1").status == 200
        relay.open()
        start = time.monotonic()
        while ask(edge.address, "POST /echo HTTP/1.1", "Content-Length: 0").status != 200:
            assert time.monotonic() - start < 1
            time.sleep(0.02)


def test_connections_that_broke_unnoticed_cost_no_request(start_edge, relay):
    edge = start_edge(relay.url, FACTORY_POOL_SIZE="4")
    threads = [threading.Thread(target=ask, args=(edge.address, "GET /sleep?0.3 HTTP/1.1")) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    relay.break_connections()
    time.sleep(0.1)
    for _ in range(8):
        assert ask(edge.address, "POST /echo HTTP/1.1", "Content-Length: 0").status == 200


def test_a_write_whose_answer_is_lost_is_never_repeated(start_edge, relay, query):
    edge = start_edge(relay.url)
    assert ask(edge.address, "GET /echo HTTP/1.1").status == 200

    def break_when_it_runs():
        while query("SELECT count(*) FROM pg_stat_activity "
                    "WHERE wait_event = 'PgSleep' AND datname = current_database()") == 0:
            time.sleep(0.02)
        relay.break_connections()

    for method, status, calls in (("POST", 503, 1), ("GET", 200, 2)):
        breaker = threading.Thread(target=break_when_it_runs)
        breaker.start()
        answer = ask(edge.address, f"{method} /count?{method} HTTP/1.1", "Content-Length: 0")
        breaker.join()
        assert answer.status == status
        if status == 503:
            assert "Idempotency-Key" in answer.json()["detail"]
        time.sleep(0.6)
        # The server finishes the call whose client broke off, so a repeated one would count twice.
        assert query(f"SELECT count(*) FROM factory.calls WHERE path = '{method}'") == calls
        assert ask(edge.address, "GET /echo HTTP/1.1").status == 200


def test_a_database_that_is_silent_does_not_pile_up_requests(start_edge, relay):
    edge = start_edge(relay.url, FACTORY_POOL_SIZE="2", FACTORY_THREADS="12", FACTORY_CALL_TIMEOUT="1")
    assert ask(edge.address, "GET /echo HTTP/1.1").status == 200
    relay.frozen.set()
    answers = []

    def call(number):
        method = "POST" if number % 2 else "GET"
        start = time.monotonic()
        answer = ask(edge.address, f"{method} /echo HTTP/1.1", "Content-Length: 0")
        answers.append((answer.status, answer.code, time.monotonic() - start))

    threads = [threading.Thread(target=call, args=(number,)) for number in range(30)]
    for thread in threads:
        thread.start()
    time.sleep(0.2)
    start = time.monotonic()
    assert ask(edge.address, "GET /healthz HTTP/1.1").status == 200
    assert time.monotonic() - start < 0.5
    for thread in threads:
        thread.join()
    assert {(status, code) for status, code, _ in answers} <= {
        (503, "overloaded"), (503, "database_unavailable"), (504, "timeout")}
    assert max(elapsed for _, _, elapsed in answers) < 4.5
    relay.frozen.clear()
    start = time.monotonic()
    while ask(edge.address, "GET /echo HTTP/1.1").status != 200:
        assert time.monotonic() - start < 2
        time.sleep(0.05)


def test_ended_backends_are_replaced(start_edge, misbehaving_database, query):
    edge = start_edge(misbehaving_database, FACTORY_POOL_SIZE="3")
    for _ in range(5):
        assert ask(edge.address, "POST /echo HTTP/1.1", "Content-Length: 0").status == 200
        query("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
              "WHERE application_name = 'factory-edge' AND datname = current_database()")
        time.sleep(0.05)
