"""Many clients of two workspaces through a pooler in transaction mode, who share a few connections to the server.

    clients.py SECONDS    reads $POOLED_URL (app_login through the pooler) and $PEOPLE: [{token, tenants: {tag: id}}, ...]

Each row of pooled.rows and each workspace bears the tag of its workspace. Every transaction signs in by itself; before and
after it, on whatever connection the pooler hands out, nothing may be seen. Prints what happened as JSON, or fails with the
first thing that was seen and should not have been.
"""

import collections
import json
import os
import random
import sys
import threading
import time

import psycopg2

URL = os.environ["POOLED_URL"]
PEOPLE = json.loads(os.environ["PEOPLE"])
TENANTS = {tag: tenant for person in PEOPLE for tag, tenant in person["tenants"].items()}
CLIENTS = 12
SEEN = """SELECT factory.tenant_id(), factory.user_id(), factory.role_name(), current_setting('factory.context', true),
  (SELECT count(*) FROM pooled.rows), (SELECT count(*) FROM factory.my_tenants), (SELECT count(*) FROM factory.members),
  (SELECT count(*) FROM factory.audit)"""
NOTHING = (None, None, None, "", 0, 0, 0, 0)


class Foreign(Exception):
    """Somebody saw what is not theirs."""


class Client:
    def __init__(self, number, counts, served):
        self.person = PEOPLE[number % len(PEOPLE)]
        self.random = random.Random(number)
        self.counts, self.served = counts, served
        self.connect()

    def connect(self):
        self.connection = psycopg2.connect(URL)
        self.connection.autocommit = True  # BEGIN and COMMIT are said below, each a message of its own
        self.cursor = self.connection.cursor()

    def run(self, sql, *values):
        self.cursor.execute(sql, values)
        return self.cursor.fetchall() if self.cursor.description else []

    def refused(self, codes, sql, *values):
        try:
            self.run(sql, *values)
        except psycopg2.Error as error:
            if error.pgcode not in codes:
                raise
        else:
            raise Foreign(f"not refused: {sql} {values}")

    def expect_nothing(self):
        seen = self.run(SEEN)[0]
        if seen != NOTHING:
            raise Foreign(f"outside of a transaction with a context: {seen}")

    def enter(self, tag):
        self.run("BEGIN")
        self.sign_in(tag)
        self.served[self.run("SELECT pg_backend_pid()")[0][0]].add(tag)

    def sign_in(self, tag):
        if self.run("SELECT factory.sign_in(%s, %s)", self.person["token"], TENANTS[tag]) != [(TENANTS[tag],)]:
            raise Foreign("signed in elsewhere")

    def expect_own(self, tag):
        rows = self.run("SELECT DISTINCT tag, tenant_id::text FROM pooled.rows")
        if rows not in ([], [(tag, TENANTS[tag])]):
            raise Foreign(f"rows in {tag}: {rows}")
        if self.run("SELECT id::text, name FROM factory.tenants") != [(TENANTS[tag], tag)]:
            raise Foreign(f"factory.tenants in {tag}")
        if self.run("SELECT DISTINCT tenant_id::text FROM factory.audit") != [(TENANTS[tag],)]:
            raise Foreign(f"factory.audit in {tag}")
        mine = dict(self.run("SELECT name, id::text FROM factory.my_tenants"))
        if mine != self.person["tenants"]:
            raise Foreign(f"factory.my_tenants: {mine}")

    # What a transaction does; each leaves it open.

    def read(self, tag):
        self.expect_own(tag)

    def write(self, tag):
        [(tenant, number)] = self.run("INSERT INTO pooled.rows (tag) VALUES (%s) RETURNING tenant_id::text, id", tag)
        if tenant != TENANTS[tag]:
            raise Foreign(f"written into {tenant} instead of {tag}")
        changed = self.run("UPDATE pooled.rows SET note = 'x' RETURNING tag")
        deleted = self.run("DELETE FROM pooled.rows WHERE id < %s - 20 RETURNING tag", number)
        if set(changed + deleted) != {(tag,)}:
            raise Foreign(f"changed in {tag}: {set(changed + deleted)}")

    def fail(self, tag):
        self.write(tag)
        self.refused({"22012"}, "SELECT 1 / 0")
        self.refused({"25P02"}, "SELECT count(*) FROM pooled.rows")

    def write_elsewhere(self, tag):
        [other] = set(TENANTS) - {tag}
        self.refused({"42501"}, "INSERT INTO pooled.rows (tenant_id, tag) VALUES (%s, %s)", TENANTS[other], other)

    def go_elsewhere(self, tag):
        [other] = set(TENANTS) - {tag}
        self.run("SAVEPOINT s")
        self.refused({"25001", "PT404"}, "SELECT factory.sign_in(%s, %s)", self.person["token"], TENANTS[other])
        self.run("ROLLBACK TO s")
        self.expect_own(tag)

    def take_back(self, tag):
        self.run("COMMIT")
        self.run("BEGIN")
        self.run("SAVEPOINT s")
        self.sign_in(tag)
        self.write(tag)
        self.run("ROLLBACK TO s")
        self.expect_nothing()

    def stay_out(self, tag):
        self.run("COMMIT")
        self.run("BEGIN")
        self.expect_nothing()
        self.refused({"28000", "42501", "PT401"}, "INSERT INTO pooled.rows (tag) VALUES (%s)", tag)

    def hang_up(self, tag):
        self.write(tag)
        self.connection.close()
        self.connect()
        self.run("BEGIN")

    def one_transaction(self):
        tag = self.random.choice(list(self.person["tenants"]))
        deed = self.random.choices(
            [self.read, self.write, self.fail, self.write_elsewhere, self.go_elsewhere, self.take_back, self.stay_out,
             self.hang_up], [4, 4, 1, 1, 1, 1, 1, 1])[0]
        self.expect_nothing()
        self.enter(tag)
        deed(tag)
        if self.random.random() < 0.3:
            time.sleep(self.random.random() / 100)
        self.run(self.random.choice(["COMMIT", "ROLLBACK"]))
        self.expect_nothing()
        self.counts[deed.__name__] += 1


def work(number, until, counts, served, troubles):
    try:
        client = Client(number, counts, served)
        while time.monotonic() < until and not troubles:
            client.one_transaction()
    except Exception as trouble:  # of any kind: the check has failed
        troubles.append(f"client {number}: {trouble!r}")


def main():
    until = time.monotonic() + float(sys.argv[1])
    counts, served, troubles = collections.Counter(), collections.defaultdict(set), []
    threads = [threading.Thread(target=work, args=(n, until, counts, served, troubles)) for n in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if troubles:
        sys.exit("\n".join(troubles))
    shared = sum(len(tags) > 1 for tags in served.values())
    print(json.dumps({"deeds": counts, "connections": len(served), "shared": shared}))
    if len(counts) < 8 or sum(counts.values()) < 100 or not shared:
        sys.exit("too little happened to prove anything")


main()
