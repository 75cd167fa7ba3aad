"""What every test of the edge may use: the running platform, and edges and databases of a test's own.

Environment: EDGE_URL (the running edge), EDGE_BINARY, EDGE_DATABASE_URL (what that edge connects to), APP_URL (a login
of an app) and ADMIN_URL (a superuser).
"""

import json
import os
import pathlib
import signal
import subprocess
import sys
import threading
import time
import urllib.parse

import psycopg2
import psycopg2.extensions
import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import app_schema as app_schema_module  # noqa: E402: found by the line above
import platform_client  # noqa: E402
import receivers  # noqa: E402


def from_environment(name):
    if name not in os.environ:
        pytest.exit(f"{name} is not set; run these tests with tests/run edge", returncode=2)
    return os.environ[name]


@pytest.fixture(scope="session")
def edge_url():
    return from_environment("EDGE_URL").rstrip("/")


@pytest.fixture(scope="session")
def edge_address(edge_url):
    """(host, port) of the running edge."""
    parts = urllib.parse.urlsplit(edge_url)
    return parts.hostname, parts.port


@pytest.fixture(scope="session")
def app_url():
    return from_environment("APP_URL")


@pytest.fixture(scope="session")
def admin_url():
    return from_environment("ADMIN_URL")


@pytest.fixture(scope="session")
def edge_database_url():
    return from_environment("EDGE_DATABASE_URL")


def with_parameters(url, **parameters):
    """A connection string with some of its parameters replaced."""
    return psycopg2.extensions.make_dsn(**{**psycopg2.extensions.parse_dsn(url), **parameters})


def without_settings(environment):
    """The environment without what an edge would read from it."""
    return {name: value for name, value in environment.items() if not name.startswith(("FACTORY_", "DATABASE_URL"))}


class EdgeProcess:
    """An edge of a test's own, on a free port of 127.0.0.1."""

    def __init__(self, database_url, *flags, **settings):
        environment = {**without_settings(os.environ), "DATABASE_URL": database_url, "FACTORY_LISTEN": "127.0.0.1:0",
                       "FACTORY_RELAY_TRANSFERS": "0", **settings}
        self.process = subprocess.Popen([from_environment("EDGE_BINARY"), *flags], env=environment,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        self.lines = []
        self._listening = threading.Event()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        assert self._listening.wait(10), f"the edge does not listen: {self.lines}"

    def _read(self):
        for line in self.process.stderr:
            self.lines.append(line.decode("utf-8"))
            if '"event":"listening"' in self.lines[-1]:
                self.address = ("127.0.0.1", json.loads(self.lines[-1])["port"])
                self._listening.set()

    def log(self, event):
        """The log lines of one kind, once they are all there."""
        time.sleep(0.1)
        return [line for line in map(json.loads, list(self.lines)) if line["event"] == event]

    def signal(self, number=signal.SIGTERM):
        self.process.send_signal(number)

    def wait(self, timeout=15):
        code = self.process.wait(timeout)
        self._reader.join(timeout)
        return code

    def stop(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


@pytest.fixture(scope="module")
def start_edge():
    """Starts edges that end with the module's tests: start_edge(database_url, *flags, NAME=value)."""
    started = []

    def start(database_url, *flags, **settings):
        started.append(EdgeProcess(database_url, *flags, **settings))
        return started[-1]

    yield start
    for edge in started:
        edge.stop()


@pytest.fixture(scope="module")
def misbehaving_database(admin_url):
    """The URL of a database of its own, whose factory.serve does whatever the path says (misbehaving_database.sql)."""
    name = f"edge_test_{os.getpid()}"
    connection = psycopg2.connect(admin_url)
    connection.autocommit = True
    cursor = connection.cursor()
    cursor.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
    cursor.execute(f"CREATE DATABASE {name} TEMPLATE template0")
    url = with_parameters(admin_url, dbname=name)
    with psycopg2.connect(url) as inner, inner.cursor() as script:
        script.execute((pathlib.Path(__file__).parent / "misbehaving_database.sql").read_text())
    inner.close()
    yield url
    cursor.execute(f"DROP DATABASE {name} WITH (FORCE)")
    connection.close()


@pytest.fixture(scope="session")
def platform(edge_url, app_url, admin_url, edge_database_url):
    """The running platform, with the people and workspaces that tests make in it."""
    return platform_client.Platform(edge_url, app_url, admin_url, edge_database_url)


@pytest.fixture(scope="session")
def crew(platform):
    """A workspace with one member of each role, which no test changes."""
    return platform_client.Crew(platform)


@pytest.fixture(scope="session")
def app_schema(platform):
    """An app with a protected table, for calls that a test declares."""
    schema = app_schema_module.AppSchema(platform)
    yield schema
    schema.close()


@pytest.fixture
def empty_queue(platform):
    """No message waits when the test begins."""
    platform.admin("DELETE FROM factory.outbox_queue")


@pytest.fixture
def receiver(platform):
    server = receivers.HttpReceiver()
    platform.admin("SELECT factory.outbound_allow('127.0.0.1/32', %s)", server.port)
    yield server
    platform.admin("SELECT factory.outbound_disallow('127.0.0.1/32', %s)", server.port)
    server.close()


@pytest.fixture
def start_relay(edge_database_url):
    started = []

    def start(**settings):
        started.append(receivers.RelayProcess(edge_database_url, **settings))
        return started[-1]

    yield start
    for relay in started:
        relay.end(signal.SIGKILL)
