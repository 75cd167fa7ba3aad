"""The head gate against its corpus: whole, byte by byte, split in two at every byte; always with a canary behind."""

import concurrent.futures

import pytest

import head_gate_corpus as corpus
from raw_requests import CANARY, Connection, request

REFUSED = list(corpus.refused())
SERVED = list(corpus.served())
CLOSING = list(corpus.closing())


def named(cases):
    return [pytest.param(*case[1:], id=case[0]) for case in cases]


def test_the_corpus_is_large_and_its_names_are_unique():
    names = [case[0] for case in REFUSED + SERVED + CLOSING]
    assert len(REFUSED) >= 300
    assert len(set(names)) == len(names)


def check_last(connection, status, code, context=""):
    """One answer, an end, and no word from the canary."""
    answers = connection.answers()
    assert [(answer.status, answer.code) for answer in answers] == [(status, code)], context
    answer = answers[0]
    assert answer.headers["connection"] == "close", context
    assert answer.headers["x-request-id"] != "canary", context
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"
    if code:
        problem = answer.json()
        assert problem["status"] == status
        assert problem["type"] == f"/v1/errors#{code}"
        assert problem["request_id"] == answer.headers["x-request-id"]
        assert problem["title"] and problem["hint"]


def check_served(connection, status, code, context=""):
    """The answer, and then the canary's."""
    answer = connection.answer()
    assert answer and (answer.status, answer.code) == (status, code), context
    assert answer.headers["x-request-id"] != "canary", context
    canary = connection.answer()
    assert canary and canary.status == 200 and canary.headers["x-request-id"] == "canary", context


@pytest.mark.parametrize("data, status, code", named(REFUSED + CLOSING))
def test_whole_request_ends_the_connection(edge_address, data, status, code):
    with Connection(edge_address) as connection:
        connection.send_pieces([data + CANARY])
        check_last(connection, status, code)


@pytest.mark.parametrize("data, status, code", named(REFUSED + CLOSING))
def test_request_byte_by_byte_ends_the_connection(edge_address, data, status, code):
    with Connection(edge_address) as connection:
        connection.send_pieces([data[at:at + 1] for at in range(min(len(data), 400))] + [data[400:] + CANARY])
        check_last(connection, status, code)


@pytest.mark.parametrize("data, status, code", named(SERVED))
def test_whole_request_is_served(edge_address, data, status, code):
    with Connection(edge_address) as connection:
        connection.send(data + CANARY)
        check_served(connection, status, code)


@pytest.mark.parametrize("data, status, code", named(SERVED))
def test_request_byte_by_byte_is_served(edge_address, data, status, code):
    with Connection(edge_address) as connection:
        connection.send_pieces([data[at:at + 1] for at in range(min(len(data), 400))] + [data[400:] + CANARY])
        check_served(connection, status, code)


@pytest.mark.parametrize("data, status, code, check", [
    pytest.param(*case[1:], check, id=case[0])
    for cases, check in ((REFUSED + CLOSING, check_last), (SERVED, check_served)) for case in cases])
def test_request_in_two_pieces_split_at_every_byte(edge_address, splitters, data, status, code, check):
    def at(position):
        with Connection(edge_address) as connection:
            connection.send_pieces([data[:position], data[position:] + CANARY], pause=0.001)
            check(connection, status, code, f"split at {position}")

    list(splitters.map(at, range(1, min(len(data), 160))))


@pytest.fixture(scope="module")
def splitters():
    """Threads that together stay under the cap of connections per peer."""
    with concurrent.futures.ThreadPoolExecutor(12) as pool:
        yield pool


def test_refused_HEAD_has_no_body(edge_address):
    with Connection(edge_address) as connection:
        connection.send(request("HEAD /healthz HTTP/1.1", "Expect: 100-continue") + CANARY)
        answers = connection.answers("HEAD")
        assert [answer.status for answer in answers] == [417]
        assert int(answers[0].headers["content-length"]) > 0


def test_body_that_is_longer_than_said_is_not_a_request(edge_address):
    with Connection(edge_address) as connection:
        connection.send(request(corpus.POST, "Content-Length: 2", body=b"{}junk") + CANARY)
        assert [(answer.status, answer.code) for answer in connection.answers()] == [
            (405, "method_not_allowed"), (501, "not_implemented")]


def test_late_body_is_a_body(edge_address):
    """CVE-2026-34441: the body of an answered request was read as the next one."""
    with Connection(edge_address) as connection:
        connection.send_pieces([request(corpus.POST, f"Content-Length: {len(CANARY)}"), CANARY, CANARY], pause=0.2)
        check_served(connection, 405, "method_not_allowed")
        connection.socket.settimeout(0.3)
        with pytest.raises(TimeoutError):
            connection.answer()


def test_requests_in_a_pipeline_are_answered_in_their_order(edge_address):
    with Connection(edge_address) as connection:
        connection.send(b"".join(request(corpus.GET, f"X-Request-Id: {number}") for number in range(50)))
        assert [connection.answer().headers["x-request-id"] for _ in range(50)] == [str(number) for number in range(50)]


def test_one_connection_serves_many_requests(edge_address):
    with Connection(edge_address) as connection:
        for number in range(300):
            connection.send(request(corpus.GET, f"X-Request-Id: {number}"))
            assert connection.answer().headers["x-request-id"] == str(number)


@pytest.mark.parametrize("body", [b"", b"x", bytes(range(256)), b"x" * 1024 * 1024], ids=["0", "1", "256", "1 MiB"])
def test_body_up_to_the_limit_is_taken(edge_address, body):
    with Connection(edge_address) as connection:
        connection.send(request(corpus.POST, f"Content-Length: {len(body)}", body=body) + CANARY)
        check_served(connection, 405, "method_not_allowed")


def test_body_beyond_the_limit_is_answered_while_it_is_still_sent(edge_address):
    with Connection(edge_address) as connection:
        connection.send_pieces([request(corpus.POST, "Content-Length: 5242880"), *[b"x" * 65536] * 80])
        check_last(connection, 413, "body_too_large")


def test_body_without_end_is_not_read(edge_address):
    """CVE-2025-46728: 200 MiB of chunks were taken."""
    with Connection(edge_address) as connection:
        sent = [request(corpus.POST, "Transfer-Encoding: chunked"), *[b"10000\r\n" + b"x" * 65536 + b"\r\n"] * 100]
        connection.send_pieces(sent)
        check_last(connection, 411, "length_required")
