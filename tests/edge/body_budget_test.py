"""The budget of request bodies: what all clients together may make the edge hold, and that it always comes back."""

import contextlib
import pathlib
import socket
import struct
import threading
import time

import pytest

from raw_requests import Connection, ask, metric, request

MIB = 1024 * 1024
BODY = bytes(range(256)) * (MIB // 256)
POST = "POST /length HTTP/1.1"


@pytest.fixture(scope="module")
def edge(start_edge, misbehaving_database):
    return start_edge(misbehaving_database, FACTORY_BODY_BUDGET="4", FACTORY_MAX_CONNECTIONS_PER_PEER="300",
                      FACTORY_TRUSTED_PROXIES="127.0.0.7")


def begin(address, size=MIB, source=None, sent=100_000, fields=()):
    """A request whose body has begun and not ended."""
    connection = Connection(address, source=source, timeout=40)
    connection.send(request(POST, f"Content-Length: {size}", *fields, body=BODY[:min(sent, size)]))
    return connection


def end(connection, size=MIB, sent=100_000):
    connection.send(BODY[sent:size])
    answer = connection.answer()
    assert (answer.status, answer.json()["length"]) == (200, size)


def wait_for_bytes(edge, expected, seconds=3):
    deadline = time.monotonic() + seconds
    while (held := metric(edge, "body_bytes")) != expected and time.monotonic() < deadline:
        time.sleep(0.02)
    assert held == expected


def check_refused(connection):
    start = time.monotonic()
    answers = connection.answers()
    assert [(answer.status, answer.code) for answer in answers] == [(503, "overloaded")]
    assert (answers[0].headers["retry-after"], answers[0].headers["connection"]) == ("1", "close")
    assert time.monotonic() - start < 1
    return answers[0]


@pytest.fixture(autouse=True)
def nothing_is_held_before_and_after(edge):
    wait_for_bytes(edge, 0)
    yield
    wait_for_bytes(edge, 0)


def test_what_does_not_fit_hears_503_at_once_and_what_fits_is_served(edge):
    refused = metric(edge, "bodies_refused_total")
    with contextlib.ExitStack() as stack:
        sources = ["127.0.1.1", "127.0.1.1", "127.0.1.2", "127.0.1.2"]
        held = [stack.enter_context(begin(edge.address, source=source)) for source in sources]
        wait_for_bytes(edge, 4 * MIB)
        for sent in (0, 100_000, MIB):
            fields = ["X-Request-Id: mine"]
            late = stack.enter_context(begin(edge.address, source="127.0.1.3", sent=sent, fields=fields))
            answer = check_refused(late)
            assert answer.headers["x-request-id"] == answer.json()["request_id"] == "mine"
            assert answer.json()["instance"] == "/length"
        assert metric(edge, "bodies_refused_total") == refused + 3
        assert metric(edge, "body_bytes") == 4 * MIB
        for connection in held:
            end(connection)
        wait_for_bytes(edge, 0)
        end(stack.enter_context(begin(edge.address, source="127.0.1.3")))


def test_small_bodies_go_on_whoever_holds_the_budget(edge):
    with contextlib.ExitStack() as stack:
        for number in range(4):
            stack.enter_context(begin(edge.address, source=f"127.0.1.{number % 2 + 1}"))
        wait_for_bytes(edge, 4 * MIB)
        for source in ("127.0.1.1", "127.0.1.2", "127.0.1.3"):
            for size in (0, 1, 100, 16 * 1024):
                start = time.monotonic()
                answer = ask(edge.address, POST, f"Content-Length: {size}", body=BODY[:size], source=source)
                assert (answer.status, answer.json()["length"]) == (200, size)
                assert time.monotonic() - start < 1
            check_refused(stack.enter_context(begin(edge.address, size=16 * 1024 + 1, source=source)))


def test_one_client_holds_at_most_half(edge):
    with contextlib.ExitStack() as stack:
        held = [stack.enter_context(begin(edge.address, source="127.0.1.1")) for _ in range(2)]
        wait_for_bytes(edge, 2 * MIB)
        check_refused(stack.enter_context(begin(edge.address, size=20_000, source="127.0.1.1")))
        other = stack.enter_context(begin(edge.address, source="127.0.1.2"))
        end(other)
        end(held[0])
        wait_for_bytes(edge, MIB)
        end(stack.enter_context(begin(edge.address, source="127.0.1.1")))
        end(held[1])


def test_one_whole_body_always_fits(start_edge, misbehaving_database):
    edge = start_edge(misbehaving_database, FACTORY_BODY_BUDGET="1")
    with begin(edge.address) as connection:
        wait_for_bytes(edge, MIB)
        check_refused(begin(edge.address, size=20_000, source="127.0.1.2"))
        end(connection)
    wait_for_bytes(edge, 0)


def test_clients_behind_a_proxy_are_told_apart(edge):
    def through_proxy(client, size=MIB):
        fields = [f"X-Forwarded-For: {client}"] if client else []
        return stack.enter_context(begin(edge.address, size, source="127.0.0.7", fields=fields))

    with contextlib.ExitStack() as stack:
        held = [through_proxy("203.0.113.1"), through_proxy("203.0.113.1")]
        wait_for_bytes(edge, 2 * MIB)
        check_refused(through_proxy("203.0.113.1", 20_000))
        check_refused(through_proxy("203.0.113.9, 203.0.113.1", 20_000))
        held.append(through_proxy("2001:db8::1"))
        held.append(through_proxy("2001:db8::2"))
        wait_for_bytes(edge, 4 * MIB)
        for connection in held:
            end(connection)
        # One that does not say for whom it asks is nobody's peer, and bound by the whole alone.
        held = [through_proxy(None) for _ in range(4)]
        wait_for_bytes(edge, 4 * MIB)
        check_refused(through_proxy(None, 20_000))
        for connection in held:
            end(connection)


def test_a_name_that_nobody_vouches_for_buys_nothing(edge):
    with contextlib.ExitStack() as stack:
        for number in range(2):
            fields = [f"X-Forwarded-For: 203.0.113.{number}"]
            stack.enter_context(begin(edge.address, source="127.0.1.1", fields=fields))
        wait_for_bytes(edge, 2 * MIB)
        check_refused(begin(edge.address, size=20_000, source="127.0.1.1", fields=["X-Forwarded-For: 203.0.113.9"]))


@pytest.mark.parametrize("abrupt", [True, False])
def test_clients_that_die_give_back_what_they_held(edge, abrupt):
    for _ in range(10):
        dying = [begin(edge.address, source=f"127.0.1.{number % 2 + 1}") for number in range(4)]
        wait_for_bytes(edge, 4 * MIB)
        for connection in dying:
            if abrupt:
                connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.socket.close()
        wait_for_bytes(edge, 0)


@pytest.mark.parametrize("line", ["POST /healthz HTTP/1.1", "POST /raise?XX000 HTTP/1.1", "POST /null HTTP/1.1",
                                  "POST /status?204 HTTP/1.1"])
def test_it_comes_back_whatever_the_answer_is(edge, line):
    with Connection(edge.address) as connection:
        for _ in range(10):
            connection.send(request(line, f"Content-Length: {MIB}", body=BODY))
            connection.answer()
            wait_for_bytes(edge, 0)


def test_a_refusal_of_the_gate_takes_nothing(edge):
    for fields in (["Expect: 100-continue"], ["Content-Encoding: gzip"]):
        with begin(edge.address, fields=fields) as connection:
            assert connection.answer().status in (415, 417)
            assert metric(edge, "body_bytes") == 0


def test_it_is_held_until_the_answer_and_not_while_the_client_reads_it(edge):
    with Connection(edge.address) as asking, Connection(edge.address, source="127.0.1.2") as reading:
        asking.send(request("POST /sleep?0.7 HTTP/1.1", f"Content-Length: {MIB}", body=BODY))
        wait_for_bytes(edge, MIB, 0.6)
        assert asking.answer().status == 200
        wait_for_bytes(edge, 0)
        # An answer that the buffers of both sockets cannot take: it stays unread, its request is done.
        reading.send(request("POST /large?30000000 HTTP/1.1", f"Content-Length: {MIB}", body=BODY))
        wait_for_bytes(edge, MIB)
        wait_for_bytes(edge, 0, 10)
        assert len(reading.answer().body) == 30_000_002


def test_bodies_one_after_the_other_on_one_connection_are_counted_one_by_one(edge):
    with Connection(edge.address, timeout=20) as connection:
        data = request(POST, f"Content-Length: {MIB}", body=BODY) * 12
        sender = threading.Thread(target=connection.send_pieces, args=([data],))
        sender.start()
        assert [connection.answer().json()["length"] for _ in range(12)] == [MIB] * 12
        sender.join()


def memory_of(edge):
    """Resident, in bytes."""
    lines = pathlib.Path(f"/proc/{edge.process.pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmRSS")).split()[1]) * 1024


def test_many_clients_with_large_bodies_cost_no_more_memory_than_the_budget(edge):
    end(begin(edge.address))
    before = memory_of(edge)
    answers = []
    with contextlib.ExitStack() as stack:
        stop = threading.Event()

        def send(number):
            connection = stack.enter_context(begin(edge.address, source=f"127.0.1.{number % 4 + 1}", sent=0))
            # All but the last byte, slowly enough that many are on their way together.
            connection.send_pieces([BODY[at:at + 65536] for at in range(0, MIB - 65536, 65536)], pause=0.03)
            connection.send_pieces([BODY[-65536:-1]])
            stop.wait(20)
            connection.send_pieces([BODY[-1:]])
            answers.append(connection.answer())

        threads = [threading.Thread(target=send, args=(number,)) for number in range(120)]
        for thread in threads:
            thread.start()
        times = []
        for _ in range(20):
            start = time.monotonic()
            assert ask(edge.address, POST, "Content-Length: 100", body=BODY[:100], source="127.0.1.1").status == 200
            times.append(time.monotonic() - start)
            time.sleep(0.05)
        assert max(times) < 1
        wait_for_bytes(edge, 4 * MIB)
        grown = memory_of(edge) - before
        stop.set()
        for thread in threads:
            thread.join()
    # Four bodies, buffers that grew by doubling, and what 120 connections cost: without a budget it would be 120 MiB.
    assert grown < 32 * MIB
    codes = [answer and (answer.status, answer.code) for answer in answers]
    assert len(codes) == 120
    assert codes.count((200, None)) >= 4
    assert set(codes) <= {(200, None), (503, "overloaded"), None}
    assert codes.count(None) <= 5


def test_a_stop_is_not_held_up_by_what_is_held(start_edge, misbehaving_database):
    edge = start_edge(misbehaving_database)
    connection = begin(edge.address)
    edge.signal()
    end(connection)
    assert edge.wait() == 0
