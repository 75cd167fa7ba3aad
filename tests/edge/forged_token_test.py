"""Access tokens made by somebody else, or bent: each is refused, changes nothing and leaves no error in the log."""

import functools
import hmac
import json
import time
import uuid

import psycopg2
import pytest

from platform_client import decode, encode, unique

ISSUER = "platform-factory"


class Forge:
    """Makes tokens like the platform's own, with the one thing changed that a case names."""

    def __init__(self, platform, person, stranger):
        self.kid, self.key = platform.signing_key()
        self.genuine = person.token
        self.claims = json.loads(decode(person.token.split(".")[1]))
        self.stranger = json.loads(decode(stranger.token.split(".")[1]))

    def sign(self, header, payload, key=None, digest="sha256"):
        """A token of a header and payload given as text, bytes or members."""
        signed = ".".join(
            encode(part if isinstance(part, bytes) else (part if isinstance(part, str) else json.dumps(part)).encode())
            for part in (header, payload))
        return f"{signed}.{encode(hmac.digest(self.key if key is None else key, signed.encode(), digest))}"

    def header(self, **changes):
        members = {"alg": "HS256", "kid": self.kid, "typ": "at+jwt", **changes}
        return self.sign({name: value for name, value in members.items() if value is not ...}, self.claims)

    def payload(self, **changes):
        members = {**self.claims, **changes}
        return self.sign({"alg": "HS256", "kid": self.kid, "typ": "at+jwt"},
                         {name: value for name, value in members.items() if value is not ...})

    def raw_payload(self, text):
        return self.sign({"alg": "HS256", "kid": self.kid, "typ": "at+jwt"}, text)

    def with_key(self, key, digest="sha256", alg="HS256"):
        return self.sign({"alg": alg, "kid": self.kid, "typ": "at+jwt"}, self.claims, key, digest)

    @functools.cached_property
    def parts(self):
        return self.genuine.split(".")


def twin(text):
    """The same bytes for a lax decoder: another last character that differs in unused bits only."""
    digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return text[:-1] + digits[digits.index(text[-1]) ^ 1]


def now():
    return int(time.time())


CASES = {
    # the algorithm
    "alg none": lambda f: f.header(alg="none"),
    "alg none, unsigned": lambda f: ".".join([encode(b'{"alg":"none","typ":"at+jwt"}'), f.parts[1], ""]),
    "alg None": lambda f: f.header(alg="None"),
    "alg NONE, unsigned": lambda f: ".".join([encode(b'{"alg":"NONE","typ":"at+jwt"}'), f.parts[1], ""]),
    "alg hs256": lambda f: f.header(alg="hs256"),
    "alg Hs256": lambda f: f.header(alg="Hs256"),
    "alg HS384": lambda f: f.with_key(None, "sha384", "HS384"),
    "alg HS512": lambda f: f.with_key(None, "sha512", "HS512"),
    "alg RS256": lambda f: f.header(alg="RS256"),
    "alg ES256": lambda f: f.header(alg="ES256"),
    "alg EdDSA": lambda f: f.header(alg="EdDSA"),
    "alg empty": lambda f: f.header(alg=""),
    "alg missing": lambda f: f.header(alg=...),
    "alg a number": lambda f: f.header(alg=256),
    "alg a list": lambda f: f.header(alg=["HS256"]),
    "alg null": lambda f: f.header(alg=None),
    # the key
    "empty key": lambda f: f.with_key(b""),
    "another key": lambda f: f.with_key(bytes(32)),
    "the kid as key": lambda f: f.with_key(f.kid.encode()),
    "a public key as key": lambda f: f.with_key(b"-----BEGIN PUBLIC KEY-----\n"),
    "a weak secret's key": lambda f: f.with_key(
        hmac.digest(hmac.digest(bytes(32), b"secret", "sha256"), b"x\x01", "sha256")),
    "kid unknown": lambda f: f.header(kid="another"),
    "kid missing": lambda f: f.header(kid=...),
    "kid empty": lambda f: f.header(kid=""),
    "kid a number": lambda f: f.header(kid=1),
    "kid in SQL": lambda f: f.header(kid=f"{f.kid}' OR '1'='1"),
    "kid a path": lambda f: f.header(kid="../../../../dev/null"),
    "kid with NUL": lambda f: f.header(kid=f"{f.kid}\u0000"),
    "kid long": lambda f: f.header(kid=f.kid * 100),
    "kid of other case": lambda f: f.header(kid=f.kid.swapcase()),
    "crit": lambda f: f.header(crit=["exp"]),
    "b64": lambda f: f.header(b64=False),
    "jku": lambda f: f.header(jku="https://example.com/keys"),
    "jwk": lambda f: f.header(jwk={"kty": "oct", "k": "AAAA"}),
    "x5u": lambda f: f.header(x5u="https://example.com/cert"),
    "x5c": lambda f: f.header(x5c=["AAAA"]),
    "zip": lambda f: f.header(zip="DEF"),
    "typ JWT": lambda f: f.header(typ="JWT"),
    "typ missing": lambda f: f.header(typ=...),
    "typ of other case": lambda f: f.header(typ="AT+JWT"),
    "header twice alg": lambda f: f.sign(f'{{"alg":"none","alg":"HS256","kid":"{f.kid}","typ":"at+jwt"}}', f.claims),
    "header a list": lambda f: f.sign("[]", f.claims),
    "header no JSON": lambda f: f.sign("{", f.claims),
    # whose and for whom
    "iss another": lambda f: f.payload(iss="https://example.com"),
    "iss missing": lambda f: f.payload(iss=...),
    "iss a list": lambda f: f.payload(iss=[ISSUER]),
    "aud another": lambda f: f.payload(aud="another"),
    "aud missing": lambda f: f.payload(aud=...),
    "aud a list": lambda f: f.payload(aud=[ISSUER]),
    "sub missing": lambda f: f.payload(sub=...),
    "sub no UUID": lambda f: f.payload(sub="admin"),
    "sub a list": lambda f: f.payload(sub=[f.claims["sub"]]),
    "sub in SQL": lambda f: f.payload(sub="' OR true --"),
    "sid missing": lambda f: f.payload(sid=...),
    "sid no UUID": lambda f: f.payload(sid="1"),
    "jti missing": lambda f: f.payload(jti=...),
    "aal a text": lambda f: f.payload(aal="2"),
    "aal too high": lambda f: f.payload(aal=4),
    "tenant a number": lambda f: f.payload(tenant=1),
    # times
    "exp missing": lambda f: f.payload(exp=...),
    "exp a text": lambda f: f.payload(exp=str(now() + 600)),
    "exp a float": lambda f: f.payload(exp=now() + 600.0),
    "exp true": lambda f: f.payload(exp=True),
    "exp null": lambda f: f.payload(exp=None),
    "exp negative": lambda f: f.payload(exp=-1),
    "exp in milliseconds": lambda f: f.payload(exp=(now() + 600) * 1000),
    "exp of 2^53 and one": lambda f: f.payload(exp=2**53 + 1),
    "exp of 2^63": lambda f: f.payload(exp=2**63),
    "exp in scientific notation": lambda f: f.raw_payload(json.dumps(f.claims).replace(str(f.claims["exp"]), "1e11")),
    "iat missing": lambda f: f.payload(iat=...),
    "iat a text": lambda f: f.payload(iat=str(now())),
    "iat after exp": lambda f: f.payload(iat=f.claims["exp"] + 1),
    "iat in the future": lambda f: f.payload(iat=now() + 3600, exp=now() + 4000),
    "life of a year": lambda f: f.payload(exp=now() + 31_536_000),
    "nbf in the future": lambda f: f.payload(nbf=now() + 3600),
    "nbf a text": lambda f: f.payload(nbf="0"),
    # the form
    "empty": lambda f: "",
    "a dot": lambda f: ".",
    "two dots": lambda f: "..",
    "a word": lambda f: "null",
    "signature missing": lambda f: ".".join(f.parts[:2]),
    "signature empty": lambda f: ".".join([*f.parts[:2], ""]),
    "signature cut": lambda f: f.genuine[:-4],
    "signature of a byte": lambda f: ".".join([*f.parts[:2], f.parts[2][:2]]),
    "signature longer": lambda f: f.genuine + "AAAA",
    "signature in hex": lambda f: ".".join([*f.parts[:2], decode(f.parts[2]).hex()]),
    "one bit of the signature": lambda f: ".".join([
        *f.parts[:2], encode(bytes([decode(f.parts[2])[0] ^ 1]) + decode(f.parts[2])[1:])]),
    "unused bits of the signature": lambda f: twin(f.genuine),
    "unused bits of the header": lambda f: ".".join([twin(f.parts[0]), *f.parts[1:]]),
    "padding": lambda f: f.genuine + "=",
    "a part more": lambda f: f.genuine + ".e30",
    "encrypted form": lambda f: ".".join([f.parts[0], "", "AAAA", f.parts[1], f.parts[2]]),
    "the usual base64": lambda f: ".".join([*f.parts[:2], "+/" + f.parts[2][2:]]),
    "a space inside": lambda f: f.genuine.replace(".", ". ", 1),
    "a tab inside": lambda f: f.genuine.replace(".", "\t.", 1),
    "percent-encoded": lambda f: f.genuine.replace(".", "%2E"),
    "in quotes": lambda f: f'"{f.genuine}"',
    "payload swapped": lambda f: ".".join([
        f.parts[0], encode(json.dumps({**f.claims, "sub": f.stranger["sub"]}).encode()), f.parts[2]]),
    "parts swapped": lambda f: ".".join([f.parts[1], f.parts[0], f.parts[2]]),
    "payload no JSON": lambda f: f.raw_payload("{"),
    "payload a list": lambda f: f.raw_payload("[]"),
    "payload a text": lambda f: f.raw_payload('"x"'),
    "payload twice sub": lambda f: f.raw_payload(f'{{"sub":"{f.stranger["sub"]}",' + json.dumps(f.claims)[1:]),
    "payload twice sub, escaped": lambda f: f.raw_payload(
        f'{{"\\u0073ub":"{f.stranger["sub"]}",' + json.dumps(f.claims)[1:]),
    "payload twice exp": lambda f: f.raw_payload(json.dumps(f.claims)[:-1] + f',"exp":{now() + 800}}}'),
    "payload in Latin-1": lambda f: f.raw_payload(json.dumps({**f.claims, "x": "?"}).encode().replace(b"?", b"\xe9")),
    "payload with NUL": lambda f: f.raw_payload(json.dumps(f.claims).encode() + b"\x00"),
    "payload with a mark in front": lambda f: f.raw_payload(b"\xef\xbb\xbf" + json.dumps(f.claims).encode()),
    "payload too deep": lambda f: f.payload(x=json.loads("[" * 200 + "]" * 200)),
    "a million dots": lambda f: "." * 16_000,
    "a long token": lambda f: f.payload(x="x" * 20_000),
    "a NUL in the claims": lambda f: f.payload(sid=f.claims["sid"] + "\u0000"),
}
EXPIRED = {
    "expired": lambda f: f.payload(iat=now() - 1000, exp=now() - 100),
    "expired just beyond the skew": lambda f: f.payload(iat=now() - 900, exp=now() - 31),
    "exp 0": lambda f: f.payload(iat=0, exp=1),
}
ENDED = {
    "session unknown": lambda f: f.payload(sid=str(uuid.uuid4())),
    "session of another person": lambda f: f.payload(sid=f.stranger["sid"]),
    "person unknown": lambda f: f.payload(sub=str(uuid.uuid4())),
    "another person in one's session": lambda f: f.payload(sub=f.stranger["sub"]),
}


@pytest.fixture(scope="module")
def person(platform):
    person = platform.register()
    person.call("POST", "/v1/tenants", {"name": unique("Mine")})
    return person


@pytest.fixture(scope="module")
def forge(platform, person):
    return Forge(platform, person, platform.register())


@pytest.fixture(scope="module", autouse=True)
def quiet_log(platform):
    before = platform.log_size("LOG")
    yield
    said = [line for line in platform.log_text("LOG", before).splitlines() if "factory_edge@" in line]
    assert not [line for line in said if "ERROR" in line or "FATAL" in line or "PANIC" in line]


def state_of(platform):
    return platform.admin(
        "SELECT (SELECT count(*) FROM factory.audit_events), (SELECT count(*) FROM factory.platform_events),"
        " (SELECT count(*) FROM factory.sessions), (SELECT count(*) FROM factory.tenant_records)")


def refuse(platform, token, code, calls=(("GET", "/v1/me"), ("POST", "/v1/tenants"), ("GET", "/v1/tenant"))):
    before = state_of(platform)
    for method, path in calls:
        body = {"name": unique("Forged")} if method == "POST" else None
        answer = platform.call(method, path, body, headers={"Authorization": f"Bearer {token}"})
        assert answer.outcome == (401, code), (method, path, answer)
        assert answer.headers["www-authenticate"] == 'Bearer error="invalid_token"'
        assert token == "" or len(token) < 4 or token not in answer.body.decode()
    assert state_of(platform) == before


def test_the_forge_makes_tokens_that_are_accepted(platform, forge, person):
    assert len(CASES) + len(EXPIRED) + len(ENDED) >= 100
    for token in (forge.genuine, forge.header(), forge.payload(), forge.payload(iat=now() - 800, exp=now() - 20),
                  forge.payload(nbf=now() + 20), forge.header(unknown="x"), forge.payload(unknown={"a": [1]})):
        answer = platform.call("GET", "/v1/me", token=token)
        assert answer.status == 200 and answer.json["user"]["id"] == person.id, token


@pytest.mark.parametrize("case", CASES)
def test_a_forged_token_is_refused(platform, forge, case):
    refuse(platform, CASES[case](forge), "invalid_token")


@pytest.mark.parametrize("case", EXPIRED)
def test_an_old_token_is_said_to_have_expired(platform, forge, case):
    refuse(platform, EXPIRED[case](forge), "token_expired")


@pytest.mark.parametrize("case", ENDED)
def test_a_token_without_its_session_is_refused(platform, forge, case):
    refuse(platform, ENDED[case](forge), "session_ended")


def test_a_token_of_a_mebibyte_is_refused_at_the_door(platform, forge):
    answer = platform.call("GET", "/v1/me", token=forge.payload(x="x" * 700_000))
    assert answer.outcome == (431, "headers_too_large")


def test_a_token_of_a_mebibyte_is_refused_over_sql(platform, forge):
    connection = platform.connect("edge")
    with connection.cursor() as cursor:
        headers = json.dumps({"authorization": "Bearer " + forge.payload(x="x" * 700_000)})
        cursor.execute(
            "SELECT status, convert_from(body, 'UTF8') FROM factory.serve_global('GET', '/v1/me', %s, '', NULL)",
            (headers,))
        status, body = cursor.fetchone()
    connection.close()
    assert (status, json.loads(body)["code"]) == (401, "invalid_token")


@pytest.mark.parametrize("authorization",
                         ["Basic YTpi", "Bearer", "Bearer ", "bearertoken", "Token {}", "{}", "Bearer  ", "Digest x"])
def test_another_kind_of_credential_is_refused(platform, forge, authorization):
    headers = {"Authorization": authorization.replace("{}", forge.genuine)}
    assert platform.call("GET", "/v1/me", headers=headers).status == 401


def test_the_token_is_read_from_the_header_alone(platform, forge):
    for target in (f"/v1/me?access_token={forge.genuine}", f"/v1/me?token={forge.genuine}"):
        assert platform.call("GET", target).status in (401, 422)
    assert platform.call("GET", "/v1/me", headers={"Cookie": f"access_token={forge.genuine}"}).status == 401
    assert platform.call("GET", "/v1/me", headers={"Authorization": f"bEARER {forge.genuine}"}).status == 200


def test_sign_in_over_sql_refuses_the_same_tokens(platform, forge):
    connection = platform.connect("app")
    with connection.cursor() as cursor:
        for table, code in ((CASES, "invalid_token"), (EXPIRED, "token_expired"), (ENDED, "session_ended")):
            for name, make in table.items():
                with pytest.raises(psycopg2.Error) as refusal:
                    cursor.execute("SELECT factory.sign_in(%s)", (make(forge),))
                code_said = json.loads(refusal.value.diag.message_detail)["code"]
                assert (refusal.value.pgcode, code_said) == ("PT401", code), name
                cursor.execute("SELECT factory.user_id(), factory.tenant_id(), factory.can('workspace.view')")
                assert cursor.fetchone() == (None, None, False)
    connection.close()
