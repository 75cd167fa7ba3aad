"""A server that is there and says nothing: stopped processes, and addresses where packets vanish."""

import contextlib
import os
import pathlib
import signal
import socket
import threading
import time

import psycopg2
import pytest

from conftest import with_parameters
from raw_requests import Connection, ask, metric, request

READY = "GET /readyz HTTP/1.1"
HEALTHY = "GET /healthz HTTP/1.1"
# Two seconds, and what a busy machine may add.
SOON = 2.5


def timed(action, *arguments, **options):
    start = time.monotonic()
    answer = action(*arguments, **options)
    return time.monotonic() - start, answer


def together(count, action):
    """(seconds, answer) of each of many calls at once."""
    results = []
    threads = [threading.Thread(target=lambda: results.append(timed(action))) for _ in range(count)]
    for thread in threads:
        thread.start()
    return threads, results


def check_alive(edge):
    elapsed, answer = timed(ask, edge.address, HEALTHY)
    assert answer.status == 200 and elapsed < 0.5


def check_not_ready(elapsed, answer):
    assert (answer.status, answer.code, answer.headers["retry-after"]) == (503, "database_unavailable", "1")
    assert elapsed < SOON


def wait_until_served(edge, seconds=2, line="POST /echo HTTP/1.1"):
    start = time.monotonic()
    while ask(edge.address, line, "Content-Length: 0").status != 200:
        assert time.monotonic() - start < seconds
        time.sleep(0.05)


def parent_of(pid):
    return int(pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])


def children_of(pid):
    for entry in pathlib.Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if parent_of(entry.name) == pid:
                yield int(entry.name)


@pytest.fixture(scope="module")
def postmaster(misbehaving_database):
    """The process id of the server of these tests; the parent of one of its backends, so nobody else's."""
    connection = psycopg2.connect(misbehaving_database)
    pid = parent_of(connection.info.backend_pid)
    connection.close()
    assert pathlib.Path(f"/proc/{pid}/comm").read_text().strip().startswith("postgres")
    return pid


@contextlib.contextmanager
def stopped(pids):
    pids = list(pids)
    try:
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        yield
    finally:
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


@contextlib.contextmanager
def silent_server(postmaster):
    """The whole server stands still: connections are taken by the kernel, and nobody says a word."""
    with stopped([postmaster, *children_of(postmaster)]):
        yield


def test_readyz_says_so_within_two_seconds_whatever_a_call_may_take(start_edge, misbehaving_database, postmaster):
    edges = [start_edge(misbehaving_database, FACTORY_CALL_TIMEOUT=timeout) for timeout in ("1", "15", "600")]
    cold = start_edge(misbehaving_database, FACTORY_CALL_TIMEOUT="600")
    for edge in edges:
        assert ask(edge.address, READY).status == 200
    with silent_server(postmaster):
        for edge in (*edges, cold):
            for line in (READY, "HEAD /readyz HTTP/1.1"):
                elapsed, answer = timed(ask, edge.address, line)
                assert answer.status == 503 and elapsed < SOON
                check_alive(edge)
            check_not_ready(*timed(ask, edge.address, READY))
    for edge in (*edges, cold):
        wait_until_served(edge)
        assert ask(edge.address, READY).status == 200


def test_a_look_at_a_silent_database_costs_the_calls_of_others_nothing(start_edge, misbehaving_database, postmaster):
    edge = start_edge(misbehaving_database)
    threads, _ = together(4, lambda: ask(edge.address, "GET /sleep?0.3 HTTP/1.1"))
    for thread in threads:
        thread.join()
    assert metric(edge, "pool_idle") == 4
    with silent_server(postmaster):
        check_not_ready(*timed(ask, edge.address, READY))
        assert metric(edge, "pool_idle") == 3
    assert metric(edge, "pool_losses_total") == 0
    connects = metric(edge, "pool_connects_total")
    assert ask(edge.address, "POST /echo HTTP/1.1", "Content-Length: 0").status == 200
    assert metric(edge, "pool_connects_total") == connects


def test_healthz_is_never_behind_the_pool(start_edge, misbehaving_database, postmaster):
    edge = start_edge(misbehaving_database, FACTORY_MAX_CONNECTIONS_PER_PEER="300", FACTORY_THREADS="64")
    # Connections that have served and were never asked for their health.
    threads, _ = together(16, lambda: ask(edge.address, "GET /sleep?0.5 HTTP/1.1"))
    for thread in threads:
        thread.join()
    with silent_server(postmaster):
        threads, results = together(100, lambda: ask(edge.address, READY, timeout=20))
        time.sleep(0.3)
        for _ in range(20):
            check_alive(edge)
            time.sleep(0.05)
        for thread in threads:
            thread.join()
        assert len(results) == 100
        for elapsed, answer in results:
            assert (answer.status, answer.code) in ((503, "database_unavailable"), (503, "overloaded"))
            assert elapsed < SOON
    wait_until_served(edge)


def threads_of(edge):
    lines = pathlib.Path(f"/proc/{edge.process.pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("Threads")).split()[1])


def test_calls_that_need_a_connection_hear_503_within_two_seconds(start_edge, misbehaving_database, postmaster):
    edge = start_edge(misbehaving_database, FACTORY_THREADS="64", FACTORY_MAX_CONNECTIONS_PER_PEER="300")
    check_alive(edge)
    time.sleep(0.3)
    threads_before = threads_of(edge)
    with stopped([postmaster]):
        for _ in range(3):
            threads, results = together(60, lambda: ask(edge.address, "POST /echo HTTP/1.1", "Content-Length: 0"))
            time.sleep(0.2)
            check_alive(edge)
            for thread in threads:
                thread.join()
            assert len(results) == 60
            for elapsed, answer in results:
                assert (answer.status, answer.code) in ((503, "database_unavailable"), (503, "overloaded"))
                assert elapsed < SOON
            assert threads_of(edge) == threads_before
            assert metric(edge, "pool_in_use") == metric(edge, "pool_waiting") == 0
    wait_until_served(edge)


def test_a_connection_that_falls_silent_before_the_call_is_sent(start_edge, misbehaving_database, postmaster):
    edge = start_edge(misbehaving_database, FACTORY_CALL_TIMEOUT="600")
    # The connection has served without a workspace, so a call with one has to prepare its statement first.
    assert ask(edge.address, "POST /echo HTTP/1.1", "Content-Length: 0").status == 200
    fields = ("Content-Length: 0", "X-Tenant-Id: 01890000-0000-7000-8000-000000000001")
    with silent_server(postmaster):
        check_not_ready(*timed(ask, edge.address, "POST /echo HTTP/1.1", *fields))
    wait_until_served(edge)
    assert ask(edge.address, "POST /echo HTTP/1.1", *fields).status == 200


def test_only_a_call_that_was_sent_waits_for_its_own_timeout(start_edge, misbehaving_database, postmaster):
    edge = start_edge(misbehaving_database, FACTORY_CALL_TIMEOUT="2")
    assert ask(edge.address, "GET /echo HTTP/1.1").status == 200
    with silent_server(postmaster):
        elapsed, answer = timed(ask, edge.address, "GET /echo HTTP/1.1")
        assert (answer.status, answer.code) == (504, "timeout")
        assert 2.8 < elapsed < 3.5
        for _ in range(3):
            check_not_ready(*timed(ask, edge.address, "GET /echo HTTP/1.1"))
    wait_until_served(edge)


def test_connections_go_on_when_only_new_ones_get_no_answer(start_edge, misbehaving_database, postmaster):
    edge = start_edge(misbehaving_database)
    assert ask(edge.address, READY).status == 200
    with stopped([postmaster]):
        for line in ("POST /echo HTTP/1.1", "GET /echo HTTP/1.1", READY):
            elapsed, answer = timed(ask, edge.address, line, *(["Content-Length: 0"] if "POST" in line else []))
            assert answer.status == 200 and elapsed < 0.5


def test_a_client_that_goes_while_nobody_can_cancel_keeps_no_connection(start_edge, misbehaving_database, postmaster):
    edge = start_edge(misbehaving_database, FACTORY_POOL_SIZE="2")
    threads, _ = together(2, lambda: ask(edge.address, "GET /sleep?0.3 HTTP/1.1"))
    for thread in threads:
        thread.join()
    with stopped([postmaster]):
        for _ in range(2):
            with Connection(edge.address) as connection:
                connection.send(request("GET /sleep?2 HTTP/1.1"))
                time.sleep(0.2)
        assert metric(edge, "pool_in_use") == 2
        deadline = time.monotonic() + 5
        while metric(edge, "pool_in_use") != 0:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        # What may still be cancelled serves nobody else.
        assert metric(edge, "pool_idle") == 0
    wait_until_served(edge)


# Addresses instead of processes.

@contextlib.contextmanager
def mute_listener():
    """Takes every connection and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=200) as listener:
        yield listener.getsockname()[1]


@contextlib.contextmanager
def full_listener():
    """Takes no connection: the kernel drops what asks for one, as a black hole does."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(3):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        time.sleep(0.2)
        yield listener.getsockname()[1]


@pytest.mark.parametrize("listener", [mute_listener, full_listener])
def test_an_address_where_nobody_answers(start_edge, misbehaving_database, listener):
    with listener() as port:
        edge = start_edge(with_parameters(misbehaving_database, host="127.0.0.1", port=str(port)),
                          FACTORY_CALL_TIMEOUT="600", FACTORY_THREADS="64", FACTORY_MAX_CONNECTIONS_PER_PEER="300")
        check_not_ready(*timed(ask, edge.address, READY))
        for action in (lambda: ask(edge.address, READY), lambda: ask(edge.address, "GET /echo HTTP/1.1")):
            threads, results = together(50, action)
            time.sleep(0.2)
            check_alive(edge)
            for thread in threads:
                thread.join()
            assert len(results) == 50
            for elapsed, answer in results:
                assert (answer.status, answer.code) in ((503, "database_unavailable"), (503, "overloaded"))
                assert elapsed < SOON
