"""The process: its settings, its own pages, its log, TLS, and how it stops."""

import json
import os
import signal
import ssl
import subprocess
import threading
import time

import pytest

from conftest import without_settings
from raw_requests import Connection, ask, request

TENANT = "01890000-0000-7000-8000-000000000001"
NOWHERE = "postgresql://user:s3cret-password@127.0.0.1:1/none"


def run_edge(*flags, **settings):
    return subprocess.run([os.environ["EDGE_BINARY"], *flags], env={**without_settings(os.environ), **settings},
                          capture_output=True, text=True, timeout=10)


# Settings.

def test_help_names_every_setting():
    shown = run_edge("--help")
    assert shown.returncode == 0
    for name in ("DATABASE_URL", "FACTORY_LISTEN", "FACTORY_TLS_CERT", "FACTORY_TLS_KEY", "FACTORY_POOL_SIZE",
                 "FACTORY_THREADS", "FACTORY_MAX_CONNECTIONS", "FACTORY_MAX_CONNECTIONS_PER_PEER",
                 "FACTORY_BODY_BUDGET", "FACTORY_CALL_TIMEOUT", "FACTORY_TRUSTED_PROXIES", "FACTORY_METRICS_ALLOW",
                 "--check-config", "--version"):
        assert name in shown.stdout


def test_version():
    shown = run_edge("--version")
    assert shown.returncode == 0
    assert shown.stdout.startswith("factory-edge ") and shown.stdout.strip()[-1].isdigit()


def test_check_config_shows_what_would_be_used_without_the_password():
    shown = run_edge("--check-config", "--pool-size", "5", DATABASE_URL=NOWHERE, FACTORY_POOL_SIZE="7",
                     FACTORY_TRUSTED_PROXIES="10.0.0.0/8, 2001:db8::/32,127.0.0.1", FACTORY_LISTEN="[::1]:9000")
    assert (shown.returncode, shown.stderr) == (0, "")
    lines = dict(line.split("=", 1) for line in shown.stdout.splitlines())
    assert lines["FACTORY_POOL_SIZE"] == "5"
    assert lines["FACTORY_LISTEN"] == "[::1]:9000"
    assert lines["FACTORY_TRUSTED_PROXIES"] == "10.0.0.0/8,2001:db8::/32,127.0.0.1/32"
    assert lines["FACTORY_THREADS"] == "128"
    assert lines["FACTORY_BODY_BUDGET"] == "64"
    assert "user=user" in lines["DATABASE_URL"] and "password=********" in lines["DATABASE_URL"]
    assert "s3cret" not in shown.stdout


@pytest.mark.parametrize("name, value, expected", [
    ("FACTORY_LISTEN", "8080", "127.0.0.1:8080"), ("FACTORY_LISTEN", ":8080", "127.0.0.1:8080"),
    ("FACTORY_LISTEN", "127.0.0.1:", "127.0.0.1:8080"), ("FACTORY_LISTEN", "127.0.0.1:70000", "127.0.0.1:8080"),
    ("FACTORY_LISTEN", "::1:80", "127.0.0.1:8080"), ("FACTORY_POOL_SIZE", "0", "from 1 to 1000"),
    ("FACTORY_POOL_SIZE", "many", "from 1 to 1000"), ("FACTORY_POOL_SIZE", "16 ", "from 1 to 1000"),
    ("FACTORY_POOL_SIZE", "1e1", "from 1 to 1000"), ("FACTORY_THREADS", "-1", "from 4 to 4096"),
    ("FACTORY_THREADS", "16", "at least FACTORY_POOL_SIZE"), ("FACTORY_MAX_CONNECTIONS", "x", "from 1 to 100000"),
    ("FACTORY_BODY_BUDGET", "0", "from 1 to 65536"), ("FACTORY_BODY_BUDGET", "64M", "from 1 to 65536"),
    ("FACTORY_MAX_CONNECTIONS_PER_PEER", "0", "from 1 to 100000"), ("FACTORY_CALL_TIMEOUT", "15s", "from 1 to 600"),
    ("FACTORY_CALL_TIMEOUT", "601", "from 1 to 600"), ("FACTORY_TRUSTED_PROXIES", "10.0.0.1/8", "10.0.0.0/8"),
    ("FACTORY_TRUSTED_PROXIES", "10.0.0.0/33", "10.0.0.0/8"), ("FACTORY_TRUSTED_PROXIES", "everyone", "10.0.0.0/8"),
    ("FACTORY_METRICS_ALLOW", "2001:db8::/129", "10.0.0.0/8"), ("FACTORY_TLS_CERT", "/there/is/none", "PEM file"),
    ("FACTORY_TLS_CERT", "/etc/passwd", "both or none"), ("DATABASE_URL", "", "postgresql://"),
    ("DATABASE_URL", "postgresql://u:s3cret@[bad/x", "postgresql://"),
])
def test_a_wrong_setting_is_named_with_its_value_and_what_is_expected(name, value, expected):
    for flags in (["--check-config"], []):
        shown = run_edge(*flags, **{"DATABASE_URL": NOWHERE, name: value})
        assert shown.returncode == 2
        assert name in shown.stderr and expected in shown.stderr
        if name == "DATABASE_URL":
            assert "s3cret" not in shown.stderr
        elif "both" not in expected and "PEM" not in expected:
            assert f"'{value}'" in shown.stderr


def test_all_wrong_settings_are_named_at_once():
    names = ["FACTORY_LISTEN", "FACTORY_POOL_SIZE", "FACTORY_THREADS"]
    shown = run_edge("--check-config", DATABASE_URL=NOWHERE, **{name: "x" for name in names})
    assert shown.returncode == 2
    assert [line.split()[1] for line in shown.stderr.splitlines()] == names


def test_an_unknown_flag_is_an_error():
    assert run_edge("--no-such-flag", DATABASE_URL=NOWHERE).returncode == 2


def test_a_taken_port_is_an_error(start_edge):
    edge = start_edge(NOWHERE)
    shown = run_edge(DATABASE_URL=NOWHERE, FACTORY_LISTEN=f"127.0.0.1:{edge.address[1]}")
    assert shown.returncode == 1
    assert f"cannot listen on 127.0.0.1:{edge.address[1]}" in shown.stderr


# Its own pages.

@pytest.fixture(scope="module")
def edge(start_edge, misbehaving_database):
    return start_edge(misbehaving_database, FACTORY_TRUSTED_PROXIES="127.0.0.2,127.0.0.3",
                      FACTORY_METRICS_ALLOW="198.51.100.0/24")


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics", "/healthz?x=1"])
def test_own_pages(edge, path):
    get = ask(edge.address, f"GET {path} HTTP/1.1")
    assert get.status == 200 and get.body
    head = ask(edge.address, f"HEAD {path} HTTP/1.1")
    assert head.status == 200 and head.body == b""
    post = ask(edge.address, f"POST {path} HTTP/1.1", "Content-Length: 0")
    assert (post.status, post.code, post.headers["allow"]) == (405, "method_not_allowed", "GET, HEAD")


def test_readyz_without_a_database(start_edge):
    edge = start_edge(NOWHERE)
    ready = ask(edge.address, "GET /readyz HTTP/1.1")
    assert (ready.status, ready.code, ready.headers["retry-after"]) == (503, "database_unavailable", "1")
    assert ask(edge.address, "GET /healthz HTTP/1.1").status == 200
    assert not any("s3cret" in line for line in edge.lines)


def metrics(edge):
    page = ask(edge.address, "GET /metrics HTTP/1.1")
    assert page.headers["content-type"] == "text/plain; version=0.0.4"
    lines = [line for line in page.body.decode().splitlines() if not line.startswith("#")]
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines)}


def test_metrics_count(edge):
    before = metrics(edge)
    ask(edge.address, "GET /echo HTTP/1.1")
    ask(edge.address, "POST /status?201 HTTP/1.1", "Content-Length: 0")
    ask(edge.address, "GET / HTTP/1.1", host=None)
    after = metrics(edge)
    grown = {name: after[name] - before.get(name, 0) for name in after}
    assert grown['factory_edge_requests_total{class="read",status="200"}'] == 2
    assert grown['factory_edge_requests_total{class="write",status="201"}'] == 1
    assert grown['factory_edge_requests_total{class="read",status="400"}'] == 1
    assert grown['factory_edge_refusals_total{code="bad_request"}'] == 1
    assert grown["factory_edge_request_duration_seconds_count"] == 4
    assert grown['factory_edge_request_duration_seconds_bucket{le="+Inf"}'] == 4
    assert grown["factory_edge_connections_accepted_total"] == 4
    assert after["factory_edge_pool_idle"] >= 1 and after["factory_edge_pool_in_use"] == 0


@pytest.mark.parametrize("source, fields, status", [
    ("127.0.0.1", [], 200),
    ("127.0.0.2", ["X-Forwarded-For: 203.0.113.9"], 404),
    ("127.0.0.2", ["X-Forwarded-For: 198.51.100.7"], 200),
    ("127.0.0.2", ["X-Forwarded-For: 127.0.0.1"], 200),
])
def test_metrics_are_for_loopback_and_those_allowed(edge, source, fields, status):
    assert ask(edge.address, "GET /metrics HTTP/1.1", *fields, source=source).status == status


def test_metrics_are_hidden_behind_a_proxy_that_nobody_declared(start_edge):
    edge = start_edge(NOWHERE)
    for field in ("X-Forwarded-For: 127.0.0.1", "Forwarded: for=127.0.0.1"):
        answer = ask(edge.address, "GET /metrics HTTP/1.1", field)
        assert (answer.status, answer.code) == (404, "not_found")


# The peer.

@pytest.mark.parametrize("source, forwarded, peer", [
    ("127.0.0.1", [], "127.0.0.1"),
    ("127.0.0.1", ["203.0.113.9"], "127.0.0.1"),
    ("127.0.0.2", [], "127.0.0.2"),
    ("127.0.0.2", ["203.0.113.9"], "203.0.113.9"),
    ("127.0.0.2", ["10.0.0.1, 203.0.113.9"], "203.0.113.9"),
    ("127.0.0.2", ["203.0.113.9, 127.0.0.3"], "203.0.113.9"),
    ("127.0.0.2", ["10.0.0.1", "203.0.113.9"], "203.0.113.9"),
    ("127.0.0.2", ["127.0.0.3, 127.0.0.2"], "127.0.0.3"),
    ("127.0.0.2", ["203.0.113.9:4711"], "203.0.113.9"),
    ("127.0.0.2", ["2001:DB8:0:0::1"], "2001:db8::1"),
    ("127.0.0.2", ["[2001:db8::1]:4711"], "2001:db8::1"),
    ("127.0.0.2", ["::ffff:203.0.113.9"], "203.0.113.9"),
    ("127.0.0.2", ["203.0.113.9, unknown"], "127.0.0.2"),
    ("127.0.0.2", ["203.0.113.9,"], "127.0.0.2"),
    ("127.0.0.2", ["1.2.3.4.5"], "127.0.0.2"),
    ("127.0.0.2", ["127.1"], "127.0.0.2"),
    ("127.0.0.2", ["["], "127.0.0.2"),
    ("127.0.0.2", [""], "127.0.0.2"),
])
def test_the_peer_is_found_through_trusted_proxies_only(edge, source, forwarded, peer):
    fields = [f"X-Forwarded-For: {value}" for value in forwarded]
    assert ask(edge.address, "GET /echo HTTP/1.1", *fields, source=source).json()["peer"] == peer


def test_ipv6_listens_and_maps_ipv4(start_edge, misbehaving_database):
    edge = start_edge(misbehaving_database, FACTORY_LISTEN="[::]:0")
    assert ask(edge.address, "GET /echo HTTP/1.1").json()["peer"] == "127.0.0.1"
    assert ask(("::1", edge.address[1]), "GET /echo HTTP/1.1").json()["peer"] == "::1"


# The log.

def test_the_log_has_a_line_for_each_request_and_no_secrets(start_edge, misbehaving_database):
    edge = start_edge(misbehaving_database)
    secrets = ["s3cret-bearer", "s3cret-key", "s3cret-cookie", "s3cret-query", "s3cret-body", "s3cret-agent"]
    ask(edge.address, "POST /echo?token=s3cret-query HTTP/1.1", "Authorization: Bearer s3cret-bearer",
        "Cookie: a=s3cret-cookie", "User-Agent: s3cret-agent", f"X-Tenant-Id: {TENANT}", "X-Request-Id: first",
        "Content-Length: 11", body=b"s3cret-body")
    ask(edge.address, "GET /raise?XX000 HTTP/1.1", "X-API-Key: s3cret-key", "X-Request-Id: second")
    ask(edge.address, "GET /s3cret-query HTTP/1.1", "X-API-Key: s3cret-key", "Transfer-Encoding: x")
    first, second, third = edge.log("request")
    duration = first.pop("duration_ms")
    assert 0 < duration < 5000
    assert first.pop("time").endswith("Z")
    assert first == {"level": "info", "event": "request", "request_id": "first", "method": "POST", "path": "/echo",
                     "status": 200, "peer": "127.0.0.1", "tenant": TENANT}
    assert (second["level"], second["status"], second["code"]) == ("error", 500, "internal")
    assert (third["status"], third["code"]) == (400, "bad_request")
    assert "path" not in third
    failures = edge.log("database_call_failed")
    assert [(line["request_id"], line["sqlstate"]) for line in failures] == [("second", "XX000")]
    assert not [line for line in edge.lines if any(secret in line for secret in secrets)]


def test_a_log_that_nobody_reads_stops_nothing(misbehaving_database):
    environment = {**without_settings(os.environ), "DATABASE_URL": misbehaving_database,
                   "FACTORY_LISTEN": "127.0.0.1:0"}
    process = subprocess.Popen([os.environ["EDGE_BINARY"]], env=environment, stderr=subprocess.PIPE)
    try:
        port = json.loads(process.stderr.readline())["port"]
        process.stderr.close()
        for _ in range(10):
            assert ask(("127.0.0.1", port), "GET /echo HTTP/1.1").status == 200
    finally:
        process.kill()
        process.wait()


# TLS.

@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tls")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
                    "-keyout", folder / "key.pem", "-out", folder / "cert.pem"], check=True, capture_output=True)
    return folder


@pytest.fixture(scope="module")
def tls_edge(start_edge, misbehaving_database, certificate):
    return start_edge(misbehaving_database, FACTORY_TLS_CERT=str(certificate / "cert.pem"),
                      FACTORY_TLS_KEY=str(certificate / "key.pem"))


@pytest.fixture
def tls(certificate):
    context = ssl.create_default_context(cafile=str(certificate / "cert.pem"))
    context.set_alpn_protocols(["h2", "http/1.1"])
    return context


def test_tls_serves(tls_edge, tls):
    body = os.urandom(1024 * 1024)
    with Connection(tls_edge.address, tls=tls) as connection:
        assert connection.socket.selected_alpn_protocol() == "http/1.1"
        for _ in range(3):
            connection.send(request("POST /length HTTP/1.1", f"Content-Length: {len(body)}", body=body))
            assert connection.answer().json()["length"] == len(body)
            connection.send(request("GET /large?3000000 HTTP/1.1"))
            assert len(connection.answer().body) == 3000002
        connection.send(request("GET /echo HTTP/1.1", "Connection: close"))
        answer = connection.answer()
        assert answer.headers["strict-transport-security"] == "max-age=31536000"
        assert connection.is_closed()
    assert ask(tls_edge.address, "GET /healthz HTTP/1.1", "Transfer-Encoding: x", tls=tls).status == 400


def test_tls_byte_by_byte(tls_edge, tls):
    data = request("POST /length HTTP/1.1", "Content-Length: 5", "Connection: close", body=b"12345")
    with Connection(tls_edge.address, tls=tls) as connection:
        connection.send_pieces([data[at:at + 1] for at in range(len(data))])
        assert connection.answer().json()["length"] == 5


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
def test_old_tls_is_refused(tls_edge, tls, version):
    tls.minimum_version = tls.maximum_version = version
    with pytest.raises(ssl.SSLError):
        Connection(tls_edge.address, tls=tls)


def test_plain_and_silent_clients_of_tls_are_closed(tls_edge, tls):
    with Connection(tls_edge.address) as plain, Connection(tls_edge.address) as silent:
        plain.send(request())
        assert plain.is_closed() or not plain.buffer.startswith(b"HTTP/")
        assert ask(tls_edge.address, "GET /healthz HTTP/1.1", tls=tls).status == 200
        start = time.monotonic()
        assert silent.is_closed()
        assert 4 < time.monotonic() - start < 7


def test_a_key_that_does_not_fit_is_an_error(certificate, tmp_path):
    subprocess.run(["openssl", "genrsa", "-out", tmp_path / "other.pem", "2048"], check=True, capture_output=True)
    for flags in ([], ["--check-config"]):
        shown = run_edge(*flags, DATABASE_URL=NOWHERE, FACTORY_TLS_CERT=str(certificate / "cert.pem"),
                         FACTORY_TLS_KEY=str(tmp_path / "other.pem"))
        assert shown.returncode == 2
        assert "no PEM key that fits" in shown.stderr


# The end.

@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_finishes_what_is_in_flight(start_edge, misbehaving_database, number):
    edge = start_edge(misbehaving_database)
    statuses = []

    def call():
        answer = ask(edge.address, "POST /sleep?1.5 HTTP/1.1", "Content-Length: 0")
        statuses.append(answer and answer.status)

    threads = [threading.Thread(target=call) for _ in range(16)]
    for thread in threads:
        thread.start()
    with Connection(edge.address) as idle, Connection(edge.address) as half:
        idle.send(request())
        assert idle.answer().status == 200
        half.send(request()[:-2])
        time.sleep(0.5)
        start = time.monotonic()
        edge.signal(number)
        time.sleep(0.2)
        idle.send(request())
        last = idle.answer()
        assert (last.status, last.headers["connection"]) == (200, "close")
        half.send(b"\r\n")
        last = half.answer()
        assert (last.status, last.headers["connection"]) == (200, "close")
        with pytest.raises(ConnectionRefusedError):
            Connection(edge.address)
    for thread in threads:
        thread.join()
    assert statuses == [200] * 16
    assert edge.wait() == 0
    assert time.monotonic() - start < 4
    assert edge.log("stopped")[0]["connections_left"] == 0


def test_a_stop_does_not_wait_for_ever(start_edge, misbehaving_database):
    edge = start_edge(misbehaving_database)
    with Connection(edge.address, timeout=20) as connection:
        connection.send(request("POST /sleep?14 HTTP/1.1", "Content-Length: 0"))
        time.sleep(0.3)
        start = time.monotonic()
        edge.signal()
        assert edge.wait(14) == 0
        assert 9 < time.monotonic() - start < 12


def test_a_second_signal_ends_at_once(start_edge, misbehaving_database):
    edge = start_edge(misbehaving_database)
    with Connection(edge.address) as connection:
        connection.send(request("POST /sleep?5 HTTP/1.1", "Content-Length: 0"))
        time.sleep(0.3)
        edge.signal()
        time.sleep(0.3)
        edge.signal()
        assert edge.wait(2) == 128 + signal.SIGTERM
