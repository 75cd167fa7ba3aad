#!/usr/bin/env python3
"""Runs the code blocks of README.md and docs/*.md against the throw-away platform, a page after the other.

The word after the opening fence decides:

    ```sql             as app_login, in a session of its own; psql variables :'token' and :'tenant' are set
    ```sql admin       as the superuser
    ```sh ```bash      in one shell for the page; curl fails on a status of 400 or more
    ```console         the lines that begin with "$ ", as sh
    ... refused        the block has to fail
    ... illustrate     not run; a page has few of them

Blocks of other languages are not run. http://127.0.0.1:8080 in a block means the platform of the test. Each page begins
with a new person who owns a new workspace: EMAIL, PASSWORD, TOKEN and TENANT are set. Prints `ok PLACE` or
`FAILED PLACE` with what was said, a line for each block.
"""

import json
import os
import pathlib
import re
import secrets
import subprocess
import sys
import urllib.request

FENCE = re.compile(r"^(?P<indent> *)```(?P<info>[^`\n]*)\n(?P<body>.*?)^(?P=indent)```\s*$", re.M | re.S)
SHELLS = {"sh", "bash", "console"}
MOST_ILLUSTRATIONS = 3

PRELUDE = """
set -o pipefail
curl() { command curl --silent --show-error --fail-with-body --max-time 20 "$@"; }
run_sql() { psql -X -q -v ON_ERROR_STOP=1 -v token="${TOKEN:-}" -v tenant="${TENANT:-}" "$1"; }
"""


def blocks_of(page):
    text = page.read_text()
    for match in FENCE.finditer(text):
        words = match["info"].split()
        if words and (words[0] == "sql" or words[0] in SHELLS):
            line = text.count("\n", 0, match.start()) + 1
            indent = len(match["indent"])
            body = "".join(row[indent:] for row in match["body"].splitlines(keepends=True))
            yield f"{page}:{line}", words[0], set(words[1:]), body


def new_person():
    def post(path, body, token=None):
        headers = {"content-type": "application/json"}
        if token:
            headers["authorization"] = f"Bearer {token}"
        request = urllib.request.Request(os.environ["EDGE_URL"] + path, json.dumps(body).encode(), headers)
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.load(answer)

    email = f"reader-{secrets.token_hex(4)}@example.com"
    password = secrets.token_hex(10)
    token = post("/v1/auth/register", {"email": email, "password": password, "name": "Reader"})["access_token"]
    tenant = post("/v1/tenants", {"name": "Reader's workspace"}, token)["id"]
    return {"EMAIL": email, "PASSWORD": password, "TOKEN": token, "TENANT": tenant}


def command_of(language, words, body):
    """The bash that runs a block inside the shell of its page; None where the block is not run."""
    body = body.replace("http://127.0.0.1:8080", os.environ["EDGE_URL"])
    if language == "sql":
        url = "$ADMIN_URL" if "admin" in words else "$APP_URL"
        return f"run_sql \"{url}\" <<'END_OF_BLOCK'\n{body}\nEND_OF_BLOCK\n"
    if language == "console":
        body = "".join(row[2:] for row in body.splitlines(keepends=True) if row.startswith("$ "))
    return body


class Shell:
    """One bash for a page, so that a block sees the variables that earlier ones set."""

    def __init__(self, environment):
        self.process = subprocess.Popen(
            ["bash", "--norc"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, env=environment)
        self.run(PRELUDE, False)

    def run(self, command, subshell):
        mark = f"END-{secrets.token_hex(8)}"
        if subshell:  # a block that may fail does not take the shell of its page with it
            command = f"( set -e\n{command}\n)"
        said = []
        try:
            self.process.stdin.write(f"{command}\nprintf '\\n%s %d\\n' {mark} $?\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass
        for line in self.process.stdout:
            if line.startswith(mark):
                return int(line.split()[1]), "".join(said).strip()
            said.append(line)
        return 255, "".join(said) + "the shell of the page ended"


def fails(shell, language, words, body):
    """What is wrong with a block, or an empty string."""
    command = command_of(language, words, body)
    if language == "sql" or "refused" in words:
        status, said = shell.run(command, True)
    else:
        # Variables stay: so no subshell, and each line's failure is kept by the trap.
        status, said = shell.run(f"failed=0; trap 'failed=$?' ERR\n{command}\ntrap - ERR; (exit $failed)", False)
    if "refused" in words:
        return "" if status else f"was meant to be refused, and said:\n{said}"
    return f"exit {status}:\n{said}" if status else ""


def main():
    failures = 0
    for page in [pathlib.Path("README.md"), *sorted(pathlib.Path("docs").glob("**/*.md"))]:
        if not page.exists():
            print(f"FAILED {page} is not there")
            failures += 1
            continue
        blocks = list(blocks_of(page))
        shown = [place for place, _, words, _ in blocks if "illustrate" in words]
        if len(shown) > MOST_ILLUSTRATIONS:
            print(f"FAILED {page} has {len(shown)} blocks that are not run, more than {MOST_ILLUSTRATIONS}")
            failures += 1
        if len(shown) == len(blocks):
            continue
        shell = Shell({**os.environ, **new_person()})
        for place, language, words, body in blocks:
            if "illustrate" in words:
                continue
            wrong = fails(shell, language, words, body)
            print(f"FAILED {place} {wrong}" if wrong else f"ok {place}", flush=True)
            failures += bool(wrong)
        shell.process.stdin.close()
        shell.process.wait()
    return failures > 0


if __name__ == "__main__":
    sys.exit(main())
