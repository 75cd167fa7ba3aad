"""The platform as its users see it: people, workspaces and calls over HTTP, and the three logins over SQL."""

import base64
import dataclasses
import functools
import hashlib
import hmac
import http.client
import json
import os
import pathlib
import time
import urllib.parse
import uuid

import psycopg2

PASSWORD = "correct horse battery"
ROLES = ("owner", "admin", "staff", "viewer")


def unique(word):
    """A name that no other test has."""
    return f"{word}-{uuid.uuid4().hex[:12]}"


def unique_email(word="person"):
    return f"{unique(word)}@example.com"


@dataclasses.dataclass
class Answer:
    status: int
    headers: dict
    body: bytes

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def code(self):
        """Code of the problem, or None when the answer is none."""
        is_problem = self.headers.get("content-type") == "application/problem+json"
        return self.json["code"] if is_problem else None

    @property
    def outcome(self):
        """What a table of expectations names: the status and, for a problem, its code."""
        return (self.status, self.code) if self.code else self.status

    @property
    def pointers(self):
        return sorted((error["pointer"], error["code"]) for error in self.json.get("errors", []))


@dataclasses.dataclass
class Person:
    platform: "Platform"
    email: str
    name: str
    password: str
    id: str
    token: str
    refresh_token: str

    def call(self, method, target, body=None, **options):
        return self.platform.call(method, target, body, **{"token": self.token, **options})

    def enter(self, workspace):
        """The same person in a workspace: every call names it."""
        return functools.partial(self.call, tenant=workspace["id"])

    def sign_in(self):
        """Signs in again: a new session under the same account."""
        answer = self.platform.call("POST", "/v1/auth/login", {"email": self.email, "password": self.password})
        assert answer.status == 200, answer
        return dataclasses.replace(self, token=answer.json["access_token"], refresh_token=answer.json["refresh_token"])


class Crew:
    """A workspace with one member of each role."""

    def __init__(self, platform, roles=ROLES):
        self.platform = platform
        self.people = {role: platform.register(role) for role in roles}
        self.owner = self.people["owner"]
        self.workspace = self.owner.call("POST", "/v1/tenants", {"name": unique("Crew")}).json
        self.id = self.workspace["id"]
        for role in roles:
            if role != "owner":
                self.bring_in(self.people[role], role)

    def bring_in(self, person, role):
        token = self.invite(person.email, role)["token"]
        answer = person.call("POST", "/v1/invitations/accept", {"token": token})
        assert answer.status == 200, answer

    def invite(self, email, role):
        answer = self.call("owner", "POST", "/v1/invitations", {"email": email, "role": role})
        assert answer.status == 201, answer
        return answer.json

    def call(self, role, method, target, body=None, **options):
        return self.people[role].call(method, target, body, **{"tenant": self.id, **options})

    def role_of(self, person):
        answer = self.call("owner", "GET", f"/v1/members/{person.id}")
        return answer.json["role"] if answer.status == 200 else None


class Platform:
    """One running platform. Each call has a connection of its own, so that tests share nothing by accident."""

    def __init__(self, edge_url, app_url, admin_url, edge_database_url):
        self.address = urllib.parse.urlsplit(edge_url).netloc
        self.urls = {"app": app_url, "admin": admin_url, "edge": edge_database_url}

    def call(self, method, target, body=None, token=None, tenant=None, headers=None, timeout=60):
        """One call. A body of bytes goes as it is, anything else as JSON; headers win over what the rest implies."""
        fields = {}
        if token:
            fields["Authorization"] = f"Bearer {token}"
        if tenant:
            fields["X-Tenant-Id"] = str(tenant)
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
        if body is not None:
            fields["Content-Type"] = "application/json"
        fields.update(headers or {})
        fields = {name: value for name, value in fields.items() if value is not None}
        connection = http.client.HTTPConnection(self.address, timeout=timeout)
        try:
            connection.request(method, target, body, fields)
            response = connection.getresponse()
            lower = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, lower, response.read())
        finally:
            connection.close()

    def register(self, word="person", password=PASSWORD):
        email, name = unique_email(word), word.title()
        answer = self.call("POST", "/v1/auth/register", {"email": email, "password": password, "name": name})
        assert answer.status == 201, answer
        reply = answer.json
        return Person(self, email, name, password, reply["user"]["id"], reply["access_token"], reply["refresh_token"])

    def connect(self, login):
        """A connection of 'app', 'edge' or 'admin' that commits each statement."""
        connection = psycopg2.connect(self.urls[login])
        connection.autocommit = True
        return connection

    def admin(self, statement, *parameters):
        """Runs a statement as superuser; the rows as tuples, if it has any."""
        if not hasattr(self, "_admin"):
            self._admin = self.connect("admin")
        with self._admin.cursor() as cursor:
            cursor.execute(statement, parameters or None)
            return cursor.fetchall() if cursor.description else None

    def count(self, statement, *parameters):
        return self.admin(statement, *parameters)[0][0]

    def events(self, tenant=None, **conditions):
        """Audit events, oldest first, as dictionaries: of a workspace, or those that belong to none."""
        table = "factory.audit_events" if tenant else "factory.platform_events"
        if tenant:
            conditions["tenant_id"] = tenant
        where = " AND ".join(f"{name} = %s" for name in conditions) or "true"
        rows = self.admin(f"SELECT to_jsonb(e) FROM {table} e WHERE {where} ORDER BY id", *conditions.values())
        return [row for (row,) in rows]

    def log_size(self, name):
        """Bytes in the log of the server (LOG) or of the edge (EDGE_LOG)."""
        return os.path.getsize(os.environ[name])

    def log_text(self, name, since):
        """What such a log has said since it had that size."""
        with open(os.environ[name], "rb") as log:
            log.seek(since)
            return log.read().decode("utf-8", "replace")

    def signing_key(self):
        """(kid, key) of access tokens, derived from the platform's secret as the server does (RFC 5869)."""
        lines = pathlib.Path(self.count("SHOW factory.secrets_file")).read_text().splitlines()
        secret = dict(line.split("=", 1) for line in lines)["SESSION_SECRET"].encode()
        extracted = hmac.digest(bytes(32), secret, "sha256")
        key = hmac.digest(extracted, b"platform_factory access token HS256\x01", "sha256")
        return encode(hmac.digest(key, b"key id", "sha256")[:12]), key


def encode(data):
    """base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decode(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def hash_of(token):
    """How the database keeps a one-time or refresh token."""
    return hashlib.sha256(token.encode()).digest()


def wait_until(true, seconds=5):
    """Waits until true() holds, for at most that long; says whether it does."""
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True
