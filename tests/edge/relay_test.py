"""The relay against real receivers: what it sends, what it refuses, and that no message is lost when it is killed.

Every test has a relay of its own, `factory-edge relay`: the edges of the suite run without one.
"""

import http.client
import json
import signal
import subprocess
import time

import pytest

import platform_client
import receivers


pytestmark = pytest.mark.usefixtures("empty_queue")


def post(platform, url, body=None):
    return platform.count("SELECT factory.outbox_post(%s, %s)", url, json.dumps(body or {"n": 1}))


def row(platform, message):
    return platform.admin("SELECT to_jsonb(m) FROM factory.outbox_messages m WHERE id = %s", message)[0][0]


def ends(platform, message, status, seconds=8):
    assert platform_client.wait_until(lambda: row(platform, message)["status"] == status, seconds), row(platform, message)
    return row(platform, message)


def tried(platform, message, seconds=8):
    assert platform_client.wait_until(lambda: row(platform, message)["attempts"] > 0, seconds), row(platform, message)
    return row(platform, message)


def test_a_message_arrives_once_with_its_id(platform, receiver, start_relay):
    start_relay()
    message = post(platform, receiver.url("/200"), {"hello": "world"})
    assert ends(platform, message, "delivered")["last_status"] == 200
    [(path, headers, body)] = receiver.requests
    assert json.loads(body) == {"hello": "world"}
    assert headers["idempotency-key"] == message
    assert headers["content-type"] == "application/json"
    assert headers["user-agent"].startswith("platform-factory/")
    assert "cookie" not in headers and "authorization" not in headers


def test_a_commit_wakes_the_relay(platform, receiver, start_relay):
    relay = start_relay()
    assert platform_client.wait_until(lambda: relay.log("relay_started"))
    time.sleep(0.3)
    waits = []
    for _ in range(5):
        begin = time.monotonic()
        message = post(platform, receiver.url("/200"))
        ends(platform, message, "delivered")
        waits.append(time.monotonic() - begin)
    assert min(waits) < 0.5, waits


def test_what_is_rolled_back_is_not_sent(platform, receiver, start_relay):
    start_relay()
    with platform.connect("admin") as connection, connection.cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute("SELECT factory.outbox_post(%s, '{}')", (receiver.url("/200"),))
        cursor.execute("ROLLBACK")
    message = post(platform, receiver.url("/201"))
    ends(platform, message, "delivered")
    assert not receiver.seen("/200")


def test_answers_decide_what_comes_next(platform, receiver, start_relay):
    start_relay()
    messages = {path: post(platform, receiver.url(path)) for path in
                ("/500", "/404", "/410", "/endless", f"/redirect/{receiver.port}", "/busy/77", "/204")}
    for path, status, last_status in (("/404", "dead", 404), ("/410", "dead", 410), ("/endless", "delivered", 200),
                                      (f"/redirect/{receiver.port}", "dead", 302), ("/204", "delivered", 204)):
        assert ends(platform, messages[path], status)["last_status"] == last_status
    assert not receiver.seen("/200"), "a redirect was followed"
    assert tried(platform, messages["/500"])["last_status"] == 500
    busy = tried(platform, messages["/busy/77"])
    wait = platform.count("SELECT extract(epoch FROM %s::timestamptz - now())::integer", busy["next_attempt_at"])
    assert 60 < wait <= 77 and busy["status"] == "waiting"


def test_slow_answers_end_and_hold_nobody_up(platform, receiver, start_relay):
    relay = start_relay(FACTORY_RELAY_TRANSFERS="4")
    slow = [post(platform, receiver.url(path)) for path in ("/slow", "/drip")]
    begin = time.monotonic()
    for _ in range(8):
        ends(platform, post(platform, receiver.url("/200")), "delivered")
    assert time.monotonic() - begin < 10
    for message in slow:
        state = tried(platform, message, 30)
        assert (state["status"], state["last_status"]) == ("waiting", None)
        assert state["last_detail"] == "there was no whole answer within 20 seconds"
    assert all(line["duration_ms"] < 22000 for line in relay.log("outbox_failed"))


@pytest.mark.parametrize("target", [
    "https://127.0.0.1:{other}/", "http://127.0.0.1:{other}/", "https://localhost:{other}/", "http://10.0.0.1/",
    "https://[::1]:{other}/", "http://[::ffff:127.0.0.1]:{port}/200", "https://169.254.169.254/latest/meta-data",
    "http://0x7f000001:{other}/", "http://2130706433:{other}/", "http://127.1:{other}/", "http://8.8.8.8/",
    "https://0.0.0.0:{other}/", "https://[64:ff9b::7f00:1]:{other}/", "https://[2002:7f00:1::]:{other}/",
])
def test_addresses_that_nobody_opened_are_refused(platform, receiver, start_relay, target):
    relay = start_relay(http_proxy=receiver.url("/200"), https_proxy=receiver.url("/200"), all_proxy=receiver.url("/200"))
    message = post(platform, target.format(port=receiver.port, other=receiver.port + 1))
    state = ends(platform, message, "dead")
    assert state["last_detail"] == "the address behind this URL may not be called"
    assert state["last_status"] is None
    assert not receiver.requests
    [event] = platform.events(target_id=message, action="outbound.refused")
    assert event["outcome"] == "blocked"
    [line] = relay.log("outbox_failed")
    assert line["outcome"] == "refused"


def test_what_operators_close_is_closed_for_open_connections_too(platform, receiver, start_relay):
    start_relay()
    ends(platform, post(platform, receiver.url("/200")), "delivered")
    platform.admin("SELECT factory.outbound_disallow('127.0.0.1/32', %s)", receiver.port)
    platform.admin("SELECT factory.outbound_allow('192.0.2.1/32')")
    try:
        assert ends(platform, post(platform, receiver.url("/200")), "dead")["last_status"] is None
        assert len(receiver.requests) == 1
    finally:
        platform.admin("SELECT factory.outbound_disallow('192.0.2.1/32')")
        platform.admin("SELECT factory.outbound_allow('127.0.0.1/32', %s)", receiver.port)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tls")
    names = str(folder / "cert.pem"), str(folder / "key.pem")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                    "-subj", "/CN=receiver", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", names[1], "-out", names[0]],
                   check=True, capture_output=True)
    return names


def test_certificates_are_verified(platform, certificate, start_relay):
    server = receivers.HttpReceiver(certificate)
    platform.admin("SELECT factory.outbound_allow('127.0.0.1/32', %s)", server.port)
    try:
        stranger = start_relay()
        message = post(platform, server.url("/200"))
        assert tried(platform, message)["last_detail"] == "the certificate is not to be trusted for this host"
        assert not server.requests
        stranger.end()
        platform.admin("UPDATE factory.outbox_queue SET due_at = now()")
        start_relay(FACTORY_RELAY_CA=certificate[0])
        ends(platform, message, "delivered")
        other = post(platform, server.url("/200").replace("127.0.0.1", "localhost"))
        assert tried(platform, other)["last_detail"] == "the certificate is not to be trusted for this host"
    finally:
        platform.admin("SELECT factory.outbound_disallow('127.0.0.1/32', %s)", server.port)
        server.close()


def test_relays_share_the_work(platform, receiver, start_relay):
    messages = platform.count("SELECT count(factory.outbox_post(%s, '{}')) FROM generate_series(1, 300)",
                              receiver.url("/late/0.02"))
    relays = [start_relay() for _ in range(3)]
    assert platform_client.wait_until(lambda: len(receiver.by_id) == messages, 30)
    assert platform_client.wait_until(lambda: platform.count("SELECT waiting FROM factory.outbox_backlog()") == 0)
    assert len(receiver.requests) == messages, "a message was sent twice"
    assert sum(bool(relay.log("outbox_delivered")) for relay in relays) >= 2


def test_a_relay_that_stops_gives_its_leases_back(platform, receiver, start_relay):
    relay = start_relay()
    message = post(platform, receiver.url("/slow"))
    assert platform_client.wait_until(lambda: receiver.requests)
    begin = time.monotonic()
    assert relay.end() == 0
    assert time.monotonic() - begin < 10
    [(lease, attempts, due)] = platform.admin(
        "SELECT lease, attempts, due_at <= now() FROM factory.outbox_queue WHERE id = %s", message)
    assert (lease, attempts, due) == (None, 0, True)
    assert relay.log("relay_stopped")


def test_no_message_is_lost_when_relays_are_killed(platform, receiver, start_relay):
    count = platform.count("SELECT count(factory.outbox_post(%s, '{}')) FROM generate_series(1, 200)",
                           receiver.url("/late/0.01"))
    for n in range(12):
        relay = start_relay(FACTORY_RELAY_TRANSFERS="8")
        assert platform_client.wait_until(lambda: relay.log("relay_started"))
        time.sleep(0.013 * n)
        relay.end(signal.SIGKILL)
        receivers.leased_ones_come_due(platform)
    start_relay()
    assert platform_client.wait_until(lambda: platform.count("SELECT waiting FROM factory.outbox_backlog()") == 0, 30)
    # At least once each; a receiver that keeps one of each id has exactly what was queued.
    assert len(receiver.by_id) == count
    assert platform.count("SELECT count(*) FROM factory.outbox_messages m WHERE m.destination = %s AND m.status = 'delivered'",
                          receiver.url("/late/0.01")) == count


def test_the_relay_outlives_its_database_connection(platform, receiver, start_relay):
    relay = start_relay()
    ends(platform, post(platform, receiver.url("/200")), "delivered")
    platform.admin("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'factory-relay'")
    ends(platform, post(platform, receiver.url("/201")), "delivered")
    assert relay.log("relay_database_lost")


def test_a_lease_that_went_to_another_reports_nothing(platform, receiver):
    message = post(platform, receiver.url("/200"))
    edge = platform.connect("edge").cursor()
    claim = "SELECT lease FROM factory.outbox_claim('test', '{http}', 10, 60)"
    edge.execute(claim)
    [(first,)] = edge.fetchall()
    receivers.leased_ones_come_due(platform)
    edge.execute(claim)
    [(second,)] = edge.fetchall()
    report = "SELECT factory.outbox_report(%s, %s, 'answered', 200, NULL, NULL)"
    edge.execute(report, (message, first))
    assert edge.fetchone() == (False,)
    assert row(platform, message)["status"] == "waiting"
    edge.execute(report, (message, second))
    assert edge.fetchone() == (True,)
    assert row(platform, message)["status"] == "delivered"
    edge.execute(report, (message, second))
    assert edge.fetchone() == (False,)


def test_the_edge_relays_too_and_counts(platform, receiver, start_edge, edge_database_url):
    edge = start_edge(edge_database_url, FACTORY_RELAY_TRANSFERS="4")
    ends(platform, post(platform, receiver.url("/200")), "delivered")
    connection = http.client.HTTPConnection(*edge.address)
    connection.request("GET", "/metrics")
    text = connection.getresponse().read().decode()
    assert "factory_edge_outbox_delivered_total 1" in text
    edge.signal()
    assert edge.wait() == 0
    assert edge.log("relay_stopped")
