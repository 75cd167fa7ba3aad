"""What calls out leave from and arrive at: relays of a test's own, an HTTP server that behaves as its path says, a mail server."""

import email
import email.policy
import http.server
import json
import os
import signal
import socket
import ssl
import subprocess
import threading
import time

from aiosmtpd.controller import Controller


class HttpReceiver:
    """Answers POSTs on 127.0.0.1 by path: /<status>, /slow (never in time), /endless, /drip, /redirect/<port>, /late/<seconds>.

    `requests` holds (path, headers, body) of each, in the order of arrival; a receiver that honours ids keeps one of each
    in `by_id`.
    """

    def __init__(self, certificate=None):
        receiver = self
        self.requests = []
        self.by_id = {}
        self.lock = threading.Lock()
        self.ending = threading.Event()

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                headers = {name.lower(): value for name, value in self.headers.items()}
                with receiver.lock:
                    receiver.requests.append((self.path, headers, body))
                    message = headers.get("webhook-id") or headers.get("idempotency-key")
                    receiver.by_id.setdefault(message, body)
                receiver.answer(self)

            do_GET = do_POST

            def log_message(self, *arguments):
                pass

        class Server(http.server.ThreadingHTTPServer):
            request_queue_size = 128
            daemon_threads = True

            def handle_error(self, request, client_address):
                pass

        self.server = Server(("127.0.0.1", 0), Handler)
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_address[1]
        self.scheme = "https" if certificate else "http"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def url(self, path):
        return f"{self.scheme}://127.0.0.1:{self.port}{path}"

    def answer(self, handler):
        word, _, rest = handler.path.lstrip("/").partition("/")
        try:
            if word in ("slow", "drip"):
                if word == "drip":
                    handler.send_response(200)
                    handler.send_header("content-length", "1000000")
                    handler.end_headers()
                while not self.ending.wait(0.5):
                    if word == "drip":
                        handler.wfile.write(b".")
            elif word == "late":
                time.sleep(float(rest))
                self.send(handler, 200)
            elif word == "endless":
                handler.send_response(200)
                handler.end_headers()
                while not self.ending.is_set():
                    handler.wfile.write(b"x" * 4096)
            elif word == "redirect":
                self.send(handler, 302, location=f"http://127.0.0.1:{rest}/200")
            elif word == "busy":
                self.send(handler, 503, **{"retry-after": rest})
            else:
                self.send(handler, int(word))
        except OSError:
            pass

    def send(self, handler, status, **headers):
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.send_header("content-length", "2")
        handler.end_headers()
        handler.wfile.write(b"ok")

    def seen(self, path):
        """Requests to a path so far."""
        with self.lock:
            return [request for request in self.requests if request[0] == path]

    def close(self):
        self.ending.set()
        self.server.shutdown()
        self.server.server_close()


class MailReceiver:
    """A mail server on 127.0.0.1 that keeps what it takes; addresses of reject.example.com and defer.example.com are refused."""

    def __init__(self):
        self.mails = []
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.controller = Controller(self, hostname="127.0.0.1", port=self.port)
        self.controller.start()

    @property
    def url(self):
        return f"smtp://127.0.0.1:{self.port}"

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.endswith("@reject.example.com"):
            return "550 5.1.1 no such mailbox"
        if address.endswith("@defer.example.com"):
            return "451 4.7.1 come back later"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        self.mails.append((envelope.mail_from, envelope.rcpt_tos, message))
        return "250 OK"

    def to(self, address):
        return [mail for mail in self.mails if mail[1] == [address]]

    def close(self):
        self.controller.stop()


class RelayProcess:
    """`factory-edge relay` on the platform's database."""

    def __init__(self, database_url, **settings):
        environment = {name: value for name, value in os.environ.items()
                       if not name.startswith(("FACTORY_", "DATABASE_URL", "SMTP_"))}
        environment.update(settings, DATABASE_URL=database_url)
        self.process = subprocess.Popen([os.environ["EDGE_BINARY"], "relay"], env=environment,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        self.lines = []
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        for line in self.process.stderr:
            self.lines.append(json.loads(line))

    def log(self, event):
        return [line for line in list(self.lines) if line["event"] == event]

    def end(self, number=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(number)
            self.process.wait(20)
        self.reader.join(5)
        return self.process.returncode


def leased_ones_come_due(platform):
    """What the passing of time does to the leases of a relay that died."""
    platform.admin("UPDATE factory.outbox_queue SET due_at = now() WHERE lease IS NOT NULL")
