"""Requests as bytes and answers from bytes: no HTTP library, which would mend what we send."""

import dataclasses
import json
import socket
import time

CANARY = b"GET /healthz HTTP/1.1\r\nHost: a\r\nX-Request-Id: canary\r\n\r\n"


def request(line="GET /healthz HTTP/1.1", *fields, host="a", body=b""):
    """A request head and body. Fields are 'Name: value' as str or bytes; host=None leaves Host out."""
    lines = [line] + ([f"Host: {host}"] if host is not None else []) + list(fields)
    return b"".join(as_bytes(one) + b"\r\n" for one in lines) + b"\r\n" + body


def as_bytes(text):
    return text if isinstance(text, bytes) else text.encode("utf-8")


@dataclasses.dataclass
class Answer:
    status: int
    headers: dict
    body: bytes

    def json(self):
        return json.loads(self.body)

    @property
    def code(self):
        return self.json()["code"] if "problem+json" in self.headers.get("content-type", "") else None


class Connection:
    """One TCP (or TLS) connection to an edge."""

    def __init__(self, address, source=None, timeout=10, tls=None):
        self.socket = socket.create_connection(address, timeout, (source, 0) if source else None)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls:
            self.socket = tls.wrap_socket(self.socket, server_hostname="localhost")
        self.buffer = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def send_pieces(self, pieces, pause=0.0):
        """Sends piece by piece; stops quietly when the server has closed, as its answer is what matters."""
        for piece in pieces:
            try:
                self.socket.sendall(piece)
            except (BrokenPipeError, ConnectionResetError):
                return
            if pause:
                time.sleep(pause)

    def _more(self):
        try:
            data = self.socket.recv(65536)
        except ConnectionResetError:
            data = b""
        self.buffer += data
        return bool(data)

    def answer(self, method="GET"):
        """The next answer, or None when the connection ended before one."""
        while b"\r\n\r\n" not in self.buffer:
            if not self._more():
                assert not self.buffer, f"half an answer: {self.buffer!r}"
                return None
        head, _, rest = self.buffer.partition(b"\r\n\r\n")
        status_line, *lines = head.decode("latin-1").split("\r\n")
        assert status_line.startswith("HTTP/1.1 "), status_line
        names = [line.split(":", 1)[0].lower() for line in lines]
        assert len(names) == len(set(names)), f"a header came twice: {names}"
        headers = {line.split(":", 1)[0].lower(): line.split(":", 1)[1].strip() for line in lines}
        length = 0 if method == "HEAD" else int(headers.get("content-length", "0"))
        while len(rest) < length:
            self.buffer = b""
            assert self._more(), "the body is cut short"
            rest += self.buffer
        self.buffer = rest[length:]
        return Answer(int(status_line.split(" ")[1]), headers, rest[:length])

    def answers(self, method="GET"):
        """All answers until the server closes."""
        found = []
        while (answer := self.answer(method)) is not None:
            found.append(answer)
            method = "GET"
        return found

    def is_closed(self):
        """Whether the server has ended the connection; waits as long as the timeout says."""
        return not self.buffer and not self._more()


def ask(address, line="GET /healthz HTTP/1.1", *fields, **options):
    """One request on a connection of its own."""
    connect = {name: options.pop(name) for name in ("source", "timeout", "tls") if name in options}
    with Connection(address, **connect) as connection:
        connection.send(request(line, "Connection: close", *fields, **options))
        return connection.answer(line.split(" ")[0])


def metric(edge, name):
    """One number of an edge's /metrics, without labels; the name without its common prefix."""
    page = ask(edge.address, "GET /metrics HTTP/1.1").body.decode()
    return int(next(line for line in page.splitlines() if line.startswith(f"factory_edge_{name} ")).split()[1])
