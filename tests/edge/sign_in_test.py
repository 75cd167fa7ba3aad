"""Accounts and sessions: what may be registered, how sign-ins are refused, how tokens live and die."""

import hashlib
import statistics
import threading
import time

import pytest

from platform_client import PASSWORD, decode, hash_of, unique, unique_email, wait_until

REQUIRED, INVALID, UNKNOWN, TYPE, LONG = "required", "invalid_value", "unknown_field", "invalid_type", "too_long"
GOOD = {"email": None, "password": PASSWORD, "name": "Ann"}

REGISTRATIONS = [
    ({"email": ""}, [("#/email", INVALID)]),
    ({"email": "ann"}, [("#/email", INVALID)]),
    ({"email": "@example.com"}, [("#/email", INVALID)]),
    ({"email": "ann@"}, [("#/email", INVALID)]),
    ({"email": "ann@@example.com"}, [("#/email", INVALID)]),
    ({"email": "ann lee@example.com"}, [("#/email", INVALID)]),
    ({"email": "ann@example.com\n"}, [("#/email", INVALID)]),
    ({"email": "ann@example.com, bob@example.com"}, [("#/email", INVALID)]),
    ({"email": "Ann <ann@example.com>"}, [("#/email", INVALID)]),
    ({"email": "x" * 300 + "@example.com"}, [("#/email", INVALID)]),
    ({"email": 1}, [("#/email", TYPE)]),
    ({"email": ["ann@example.com"]}, [("#/email", TYPE)]),
    ({"email": None}, [("#/email", REQUIRED)]),
    ({"name": ""}, [("#/name", REQUIRED)]),
    ({"name": "   "}, [("#/name", REQUIRED)]),
    ({"name": "x" * 201}, [("#/name", LONG)]),
    ({"name": "a\tb"}, [("#/name", INVALID)]),
    ({"name": {}}, [("#/name", TYPE)]),
    ({"name": True}, [("#/name", TYPE)]),
    ({"password": None}, [("#/password", REQUIRED)]),
    ({"password": 12345678}, [("#/password", TYPE)]),
    ({"id": "x"}, [("#/id", UNKNOWN)]),
    ({"status": "active"}, [("#/status", UNKNOWN)]),
    ({"role": "owner"}, [("#/role", UNKNOWN)]),
    ({"Email": "ann@example.com"}, [("#/Email", UNKNOWN)]),
    ({"email": "ann", "name": ""}, [("#/email", INVALID), ("#/name", REQUIRED)]),
]

WEAK = [
    "", "1234567", "password", "Password", "12345678", "iloveyou", "qwertyuiop", "aaaaaaaaaaaaaaaaaaaa", "abababababab",
    "x" * 127 + "yz", "é" * 65, "{address}", "{local part}"]


@pytest.mark.parametrize("changed, pointers", REGISTRATIONS)
def test_what_cannot_be_registered(platform, changed, pointers):
    email = unique_email()
    answer = platform.call("POST", "/v1/auth/register", {**GOOD, "email": email, **changed})
    assert answer.outcome == (422, "validation_failed")
    assert answer.pointers == pointers
    assert platform.count("SELECT count(*) FROM factory.users WHERE email = %s", email) == 0


@pytest.mark.parametrize("missing", ["email", "password", "name"])
def test_registration_needs_every_field(platform, missing):
    body = {**GOOD, "email": unique_email()}
    del body[missing]
    answer = platform.call("POST", "/v1/auth/register", body)
    assert answer.outcome == (422, "validation_failed")
    assert answer.pointers == [(f"#/{missing}", REQUIRED)]


@pytest.mark.parametrize("password", WEAK)
def test_weak_passwords_are_refused(platform, password):
    email = unique_email()
    password = password.replace("{address}", email).replace("{local part}", email.split("@")[0])
    answer = platform.call("POST", "/v1/auth/register", {**GOOD, "email": email, "password": password})
    assert answer.outcome == (422, "password_too_weak")
    assert answer.pointers == [("#/password", "too_weak")]
    assert platform.count("SELECT count(*) FROM factory.users WHERE email = %s", email) == 0


@pytest.mark.parametrize("password", ["8 bytes!", "x" * 100 + "y" * 27 + "z", "pässwörter",
                                      "a \\\" ' % $1 \u0001 🔑"])
def test_unusual_passwords_work_to_the_byte(platform, password):
    person = platform.register(password=password)
    person.sign_in()
    for other in (password[:-1], password + " ", password.swapcase() + "!"):
        answer = platform.call("POST", "/v1/auth/login", {"email": person.email, "password": other})
        assert answer.outcome == (401, "invalid_credentials"), other


def test_one_address_is_one_account(platform):
    person = platform.register()
    for email in (person.email, person.email.upper(), f" {person.email}"):
        answer = platform.call("POST", "/v1/auth/register", {**GOOD, "email": email})
        assert answer.outcome in ((409, "email_taken"), (422, "validation_failed"))
    assert platform.count("SELECT count(*) FROM factory.users WHERE email = %s", person.email) == 1


def test_one_of_many_at_once_gets_the_address(platform):
    email, answers = unique_email(), []
    threads = [threading.Thread(target=lambda: answers.append(
        platform.call("POST", "/v1/auth/register", {**GOOD, "email": email}).status)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [201, 409, 409, 409]


def test_passwords_are_kept_as_scrypt_and_hashed_again_when_the_cost_changes(platform):
    person = platform.register()
    stored = "SELECT password_hash FROM factory.credentials WHERE user_id = %s"
    phc = platform.count(stored, person.id)
    _, scheme, cost, salt, key = phc.split("$")
    assert (scheme, cost) == ("scrypt", "ln=16,r=8,p=2")
    assert decode(key) == hashlib.scrypt(PASSWORD.encode(), salt=decode(salt), n=1 << 16, r=8, p=2, maxmem=1 << 28,
                                         dklen=32)
    old = hashlib.scrypt(PASSWORD.encode(), salt=b"sixteen bytes ok", n=1 << 10, r=8, p=1, dklen=32)
    platform.admin("UPDATE factory.credentials SET password_hash = %s WHERE user_id = %s",
                   f"$scrypt$ln=10,r=8,p=1${encode_plain(b'sixteen bytes ok')}${encode_plain(old)}", person.id)
    wrong = platform.call("POST", "/v1/auth/login", {"email": person.email, "password": "wrong horse battery"})
    assert wrong.status == 401 and "ln=10" in platform.count(stored, person.id)
    person.sign_in()
    assert platform.count(stored, person.id).startswith("$scrypt$ln=16,r=8,p=2$")
    person.sign_in()


def encode_plain(data):
    """base64 of PHC strings: the usual alphabet without padding."""
    import base64
    return base64.b64encode(data).rstrip(b"=").decode()


def test_an_unknown_address_and_a_wrong_password_look_and_last_the_same(platform):
    person = platform.register()
    attempts = {"wrong": lambda: person.email, "unknown": unique_email}
    times = {name: [] for name in attempts}
    answers = {name: [] for name in attempts}
    for _ in range(20):
        for name, address in attempts.items():
            body = {"email": address(), "password": "wrong horse battery"}
            start = time.perf_counter()
            answer = platform.call("POST", "/v1/auth/login", body)
            times[name].append(time.perf_counter() - start)
            answers[name].append(answer)
    everyone = answers["wrong"] + answers["unknown"]
    assert {answer.outcome for answer in everyone} == {(401, "invalid_credentials")}
    without_id = {answer.body.replace(answer.headers["x-request-id"].encode(), b"") for answer in everyone}
    assert len(without_id) == 1
    # Interleaved, so that a busy machine slows both alike; the fastest quarter is what the work itself takes.
    wrong, unknown = (statistics.median(sorted(times[name])[:10]) for name in ("wrong", "unknown"))
    assert wrong > 0.03 and abs(wrong - unknown) <= 0.15 * max(wrong, unknown), (wrong, unknown)


@pytest.mark.parametrize("body", [{"email": "ann", "password": PASSWORD}, {"email": "", "password": ""},
                                  {"email": "ann@example.com", "password": "x" * 5000},
                                  {"email": "x" * 5000, "password": PASSWORD}])
def test_what_can_be_no_account_is_refused_as_one(platform, body):
    assert platform.call("POST", "/v1/auth/login", body).outcome == (401, "invalid_credentials")


def test_a_disabled_account_can_do_nothing(platform):
    person = platform.register()
    platform.admin("UPDATE factory.users SET status = 'disabled' WHERE id = %s", person.id)
    assert person.call("GET", "/v1/me").outcome == (403, "account_disabled")
    login = {"email": person.email, "password": person.password}
    assert platform.call("POST", "/v1/auth/login", login).outcome == (403, "account_disabled")
    wrong = platform.call("POST", "/v1/auth/login", {**login, "password": "wrong horse battery"})
    assert wrong.outcome == (401, "invalid_credentials")
    refresh = platform.call("POST", "/v1/auth/refresh", {"refresh_token": person.refresh_token})
    assert refresh.outcome == (403, "account_disabled")


def test_logout_bites_on_the_next_call_and_only_there(platform):
    person = platform.register()
    second = person.sign_in()
    assert person.call("POST", "/v1/auth/logout").status == 204
    assert person.call("GET", "/v1/me").outcome == (401, "session_ended")
    assert person.call("POST", "/v1/auth/logout").outcome == (401, "session_ended")
    refresh = platform.call("POST", "/v1/auth/refresh", {"refresh_token": person.refresh_token})
    assert refresh.outcome == (401, "session_ended")
    assert second.call("GET", "/v1/me").status == 200


def refresh(platform, token):
    return platform.call("POST", "/v1/auth/refresh", {"refresh_token": token})


def move_use(platform, token, seconds):
    """Makes a refresh token one that was used that long ago."""
    platform.admin("UPDATE factory.refresh_tokens SET used_at = clock_timestamp() - make_interval(secs => %s)"
                   " WHERE token_hash = %s", seconds, hash_of(token))


def test_refresh_tokens_rotate_and_may_be_repeated_for_ten_seconds(platform):
    person = platform.register()
    first = refresh(platform, person.refresh_token)
    assert first.status == 200
    lost_answer = refresh(platform, person.refresh_token)
    assert lost_answer.status == 200 and lost_answer.json["refresh_token"] != first.json["refresh_token"]
    move_use(platform, person.refresh_token, 9)
    assert refresh(platform, person.refresh_token).status == 200
    # A repeat does not open the window anew.
    move_use(platform, person.refresh_token, 8)
    assert refresh(platform, person.refresh_token).status == 200
    used = platform.count(
        "SELECT clock_timestamp() - used_at > interval '7 s' FROM factory.refresh_tokens WHERE token_hash = %s",
        hash_of(person.refresh_token))
    assert used
    assert refresh(platform, first.json["refresh_token"]).status == 200


def test_late_reuse_ends_the_whole_family_and_is_recorded(platform):
    person = platform.register()
    bystander = person.sign_in()
    pair = refresh(platform, person.refresh_token).json
    move_use(platform, person.refresh_token, 11)
    assert refresh(platform, person.refresh_token).outcome == (401, "invalid_refresh_token")
    assert refresh(platform, pair["refresh_token"]).outcome == (401, "session_ended")
    for token in (person.token, pair["access_token"]):
        assert platform.call("GET", "/v1/me", token=token).outcome == (401, "session_ended")
    assert bystander.call("GET", "/v1/me").status == 200
    event, = platform.events(action="session.token_reused", actor_id=person.id)
    assert (event["outcome"], event["target_type"]) == ("blocked", "session")


def test_expired_refresh_tokens_and_sessions_are_refused(platform):
    person = platform.register()
    platform.admin("UPDATE factory.refresh_tokens SET expires_at = clock_timestamp() WHERE token_hash = %s",
                   hash_of(person.refresh_token))
    assert refresh(platform, person.refresh_token).outcome == (401, "invalid_refresh_token")
    assert person.call("GET", "/v1/me").status == 200
    platform.admin("UPDATE factory.sessions SET expires_at = clock_timestamp() WHERE user_id = %s", person.id)
    assert person.call("GET", "/v1/me").outcome == (401, "session_ended")
    for token in ("", "x", person.token, person.refresh_token[:-1], person.refresh_token + "A", "x" * 100000):
        assert refresh(platform, token).outcome == (401, "invalid_refresh_token")


def test_only_hashes_of_tokens_are_kept(platform):
    person = platform.register()
    assert platform.count("SELECT count(*) FROM factory.refresh_tokens WHERE token_hash = %s",
                          hash_of(person.refresh_token)) == 1
    stored = platform.count(
        "SELECT string_agg(r::text, '') FROM (SELECT r::text FROM factory.refresh_tokens r"
        " UNION ALL SELECT s::text FROM factory.sessions s UNION ALL SELECT c::text FROM factory.credentials c) r")
    assert person.refresh_token not in stored and person.token not in stored and person.password not in stored


def test_many_sign_ins_at_once_are_all_answered_and_bounded(platform):
    """More than there are slots: each is answered with 200 or told to come back, and what runs at once is capped."""
    person = platform.register()
    slots = int(platform.count("SHOW factory.password_hash_slots"))
    backends = "SELECT array_agg(pid) FROM pg_stat_activity WHERE usename = 'factory_edge'"
    answers, largest, stop = [], [0], threading.Event()

    def sign_in():
        answers.append(platform.call("POST", "/v1/auth/login", {"email": person.email, "password": person.password}))

    def watch():
        while not stop.is_set():
            heavy = sum(anonymous_kib(pid) > 40 * 1024 for pid in platform.count(backends) or [])
            largest[0] = max(largest[0], heavy)
            time.sleep(0.02)

    watcher = threading.Thread(target=watch)
    threads = [threading.Thread(target=sign_in) for _ in range(24)]
    watcher.start()
    for thread in threads:
        thread.start()
    healthy = [platform.call("GET", "/healthz").status for _ in range(10)]
    for thread in threads:
        thread.join()
    stop.set()
    watcher.join()
    assert healthy == [200] * 10
    assert len(answers) == 24 and {answer.outcome
                                   for answer in answers} <= {200, (503, "kdf_busy"), (503, "overloaded")}
    assert any(answer.status == 200 for answer in answers)
    assert all(int(answer.headers["retry-after"]) >= 1 for answer in answers if answer.status == 503)
    assert 0 < largest[0] <= slots
    assert wait_until(
        lambda: platform.call("POST", "/v1/auth/login", {"email": person.email, "password": PASSWORD}).status == 200)


def anonymous_kib(pid):
    """Memory of a process that is its own, in KiB; 0 when it has ended."""
    try:
        with open(f"/proc/{pid}/status", encoding="ascii") as status:
            return next((int(line.split()[1]) for line in status if line.startswith("RssAnon:")), 0)
    except OSError:
        return 0


def test_names_are_shown_as_given(platform):
    email = unique_email()
    name = unique("<b>O'Brien</b> \"Ünï\" \\ 🦉 %s $1")
    answer = platform.call("POST", "/v1/auth/register", {"email": email, "password": PASSWORD, "name": name})
    assert answer.json["user"]["name"] == name
    assert platform.count("SELECT name FROM factory.users WHERE email = %s", email) == name
