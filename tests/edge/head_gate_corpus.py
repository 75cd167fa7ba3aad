"""The corpus of the head gate: requests as bytes, and the one answer that each must get.

Cases come as (name, bytes, status, code). `refused` ends the connection, so nothing after it may ever be served.
`served` are right requests that a strict gate could wrongly refuse; `closing` are served, and end the connection too.
"""

from raw_requests import as_bytes, request

DELIMITERS = b'"(),/:;<=>?@[\\]{}'
CONTROLS = [byte for byte in [*range(0x20), 0x7F] if byte not in b"\t\r\n"]
SINGLE_FIELDS = {
    "Host": "a", "Authorization": "Bearer x", "X-API-Key": "x", "X-Tenant-Id": "01890000-0000-7000-8000-000000000001",
    "Content-Type": "application/json", "Content-Length": "0", "Content-Encoding": "identity", "Idempotency-Key": "x",
    "If-Match": '"v1"', "X-Request-Id": "x", "Cookie": "a=b", "Origin": "http://a", "User-Agent": "x",
    "Range": "bytes=0-1", "Transfer-Encoding": "chunked", "Expect": "100-continue",
}
TENANT = "X-Tenant-Id: 01890000-0000-7000-8000-000000000001"
GET = "GET /healthz HTTP/1.1"
POST = "POST /healthz HTTP/1.1"


def request_lines():
    """RFC 9112 section 3, and the request targets of section 3.2."""
    bad = lambda name, line: (f"line: {name}", request(line), 400, "bad_request")
    for method in ("get", "Get", "BREW", "TRACE", "PROPFIND", "PURGE", "LINK", "GETS", "GE"):
        yield f"line: method {method}", request(f"{method} /healthz HTTP/1.1"), 501, "not_implemented"
    yield "line: CONNECT", request("CONNECT a:443 HTTP/1.1"), 501, "not_implemented"
    for delimiter in DELIMITERS.decode():
        yield bad(f"method with {delimiter}", f"G{delimiter}T /healthz HTTP/1.1")
    for version in ("HTTP/1.2", "HTTP/1.9", "HTTP/2.0", "HTTP/3.0", "HTTP/0.9", "HTTP/9.9"):
        yield f"line: {version}", request(f"GET /healthz {version}"), 505, "version_not_supported"
    yield "line: preface of HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, "version_not_supported"
    for version in ("HTTP/11", "HTTP/1.", "HTTP/.1", "http/1.1", "Http/1.1", "HTTP/1.1x", "HTTP/1.10", "HTTP1.1",
                    "XTTP/1.1", "HTTP/1,1", "HTTP/A.1", "HTTP/+1.1", "HTTP/-1.1", "HTTP/1.1.1", "HTTP/01.1", "HTTP/",
                    "HTTP", "1.1", "HTTPS/1.1", "HTTP\\1.1", "HTTP/1.\u0661"):
        yield bad(f"version {version!a}", f"GET /healthz {version}")
    for name, line in {
        "without version": "GET /healthz", "without target": "GET HTTP/1.1", "of one word": "GET",
        "of two blanks": "  ",
        "with blank first": " GET /healthz HTTP/1.1", "with blank last": "GET /healthz HTTP/1.1 ",
        "with two blanks before target": "GET  /healthz HTTP/1.1", "with two blanks after": "GET /healthz  HTTP/1.1",
        "with four words": "GET /healthz /x HTTP/1.1", "with tabs": "GET\t/healthz\tHTTP/1.1",
        "with tab in target": "GET /health\tz HTTP/1.1", "with tab last": "GET /healthz HTTP/1.1\t",
        "with empty target": "GET  HTTP/1.1", "of a banner": "SSH-2.0-OpenSSH_9.2", "of an answer": "HTTP/1.1 200 OK",
    }.items():
        yield bad(name, line)
    for name, target in {
        "without slash": "healthz", "star": "*", "star in path": "*/healthz", "authority": "a:80",
        "other scheme": "ftp://a/", "scheme alone": "http://", "empty host": "http:///healthz",
        "user": "http://u@a/healthz", "no slashes": "http:a/healthz",
        "another host": "http://b/healthz", "another port": "http://a:81/healthz", "bad port": "http://a:99999/healthz",
        "script": "javascript:alert(1)", "fragment": "/healthz#x", "fragment alone": "#x", "query alone": "?x",
        "backslash": "\\healthz", "dot": "./healthz", "percent last": "/healthz%", "half a percent": "/healthz%4",
        "percent zz": "/healthz%zz", "percent 4g": "/healthz%4g", "percent blank": "/healthz%20%",
        "unicode": "/h\u00e9althz", "raw 0x80": b"/h\x80lthz", "overlong slash": b"/\xc0\xafhealthz",
    }.items():
        yield bad(f"target {name}", b"GET " + as_bytes(target) + b" HTTP/1.1")
    for character in '"<>\\^`{|}[]':
        yield bad(f"target with {character}", f"GET /healthz?a={character} HTTP/1.1")
    for byte in CONTROLS:
        yield bad(f"target with byte {byte:#04x}", b"GET /healthz?a=" + bytes([byte]) + b" HTTP/1.1")
    for byte in [*range(0x20), 0x7F]:
        yield bad(f"target with %{byte:02x}", f"GET /healthz?a=%{byte:02x} HTTP/1.1")
    yield bad("target with %0A", "GET /healthz?a=%0A HTTP/1.1")
    yield bad("path with %0d%0a", "GET /%0d%0aX-Injected:1 HTTP/1.1")
    for length in (8193, 9000, 20000):
        yield f"line: of {length} bytes", request(long_line(length)), 414, "target_too_long"


def long_line(length):
    return "GET /healthz?" + "x" * (length - len("GET /healthz? HTTP/1.1\r\n")) + " HTTP/1.1"


def line_ends():
    """RFC 9112 section 2.2: CR and LF only ever stand together."""
    good = request(GET, "Accept: x")
    for name, data in {
        "LF everywhere": good.replace(b"\r\n", b"\n"), "CR everywhere": good.replace(b"\r\n", b"\r"),
        "LF after request line": good.replace(b"\r\n", b"\n", 1),
        "CR after request line": good.replace(b"\r\n", b"\r", 1),
        "LF CR": good.replace(b"\r\n", b"\n\r"), "CR CR LF": good.replace(b"\r\n", b"\r\r\n", 1),
        "LF before empty line": good[:-4] + b"\n\r\n", "LF as empty line": good[:-2] + b"\n",
        "CR in value": request(GET, b"Accept: a\rb"), "LF in value": request(GET, b"Accept: a\nb"),
        "CR in name": request(GET, b"Acc\rept: a"),
        "LF and a field in value": request(GET, b"Accept: a\nX-Tenant-Id: b"),
        "CR in target": request(b"GET /heal\rthz HTTP/1.1"), "LF first": b"\n" + good, "CR first": b"\r" + good,
        "two empty lines first": b"\r\n\r\n" + good, "four empty lines first": b"\r\n" * 4 + good,
        "NUL first": b"\0" + good, "byte order mark": b"\xef\xbb\xbf" + good,
        "TLS hello": bytes.fromhex("1603010200010001fc0303") + bytes(32), "TLS alert": bytes.fromhex("15030100020100"),
    }.items():
        yield f"ends: {name}", data, 400, "bad_request"


def fields():
    """RFC 9112 section 5 and RFC 9110 section 5."""
    bad = lambda name, *lines: (f"field: {name}", request(GET, *lines), 400, "bad_request")
    yield bad("without colon", "Accept")
    yield bad("without name", ": x")
    yield bad("blank before colon", "Accept : x")
    yield bad("tab before colon", "Accept\t: x")
    yield bad("blank in name", "Acc ept: x")
    yield bad("blank before name", " Accept: x")
    yield bad("folded by blank", "Accept: x", " y")
    yield bad("folded by tab", "Accept: x", "\ty")
    yield bad("folded into nothing", "Accept: x", " ")
    yield bad("folded tenant", "X-Tenant-Id:", " 01890000-0000-7000-8000-000000000001")
    yield "field: folded first", request(" Host: a", host=None), 400, "bad_request"
    yield "field: blank line of one blank", b"GET /healthz HTTP/1.1\r\nHost: a\r\n \r\n\r\n", 400, "bad_request"
    for delimiter in DELIMITERS.decode():
        if delimiter != ":":
            yield bad(f"name with {delimiter}", f"X{delimiter}Y: x")
    yield bad("name beyond ASCII", "X-\u00e9: x")
    for byte in CONTROLS:
        yield bad(f"value with byte {byte:#04x}", b"X-Any: a" + bytes([byte]) + b"b")
    for byte in (0x00, 0x0A, 0x0D, 0x1F, 0x7F):
        yield bad(f"unknown field with %{byte:02x}", f"X-Any: a%{byte:02x}b")
        yield bad(f"tenant with %{byte:02x}", f"X-Tenant-Id: a%{byte:02X}b")
    yield bad("injection by percent", "X-Any: a%0d%0aX-Tenant-Id: b")
    yield bad("name with %0d", "X%0d-Any: a")
    for name, value in SINGLE_FIELDS.items():
        lines = [f"{name}: {value}", f"{name.swapcase()}: {value}"]
        yield f"field: two {name}", request(GET, *lines, host=None if name == "Host" else "a"), 400, "bad_request"
    yield bad("two different tenants", TENANT, TENANT[:-1] + "2")
    yield bad("two different credentials", "Authorization: Bearer a", "Authorization: Bearer b")
    for name in ("REMOTE_ADDR", "remote_addr", "REMOTE_PORT", "LOCAL_ADDR", "Local_Port"):
        yield bad(name, f"{name}: 127.0.0.1")
    for name in ("Authorization", "X-API-Key", "User-Agent", "Accept", "Idempotency-Key", "If-Match", "Origin"):
        yield bad(f"{name} beyond ASCII", f"{name}: caf\u00e9")
    yield "field: 101 of them", request(GET, *[f"X-{i}: x" for i in range(100)]), 431, "headers_too_large"
    yield "field: 1000 of them", request(GET, *[f"X-{i}: x" for i in range(999)]), 431, "headers_too_large"
    yield "field: of 33 KiB", request(GET, "X-Any: " + "x" * 33 * 1024), 431, "headers_too_large"
    yield "field: endless", request(GET)[:-2] + b"X-Any: " + b"x" * 40 * 1024, 431, "headers_too_large"
    yield "field: name of 33 KiB", request(GET)[:-2] + b"x" * 33 * 1024, 431, "headers_too_large"
    many = [f"X-{i}: " + "x" * 700 for i in range(48)]
    yield "field: many of 33 KiB in all", request(GET, *many), 431, "headers_too_large"


def hosts():
    """RFC 9112 section 3.2."""
    yield "host: none", request(GET, host=None), 400, "bad_request"
    for host in ("", " ", "a b", "a,b", "a/b", "a@b", "u:p@a", "http://a", "a:port", "a:99999", "a:123456", "a:80:80",
                 ":80", "a:-1", "a:8 0", "[::1", "::1]", "::1", "[zz]", "[]", "[::1]x", "[::1]80", "[1.2.3.4]", "a%20b",
                 "a%00b", "a?b", "a#b", "a\\b", "a\u00e9", "a;b", "*", "a\tb", "a" * 254):
        yield f"host: {host[:20]!a}", request(GET, host=host), 400, "bad_request"


def framing():
    """RFC 9112 section 6: the length of a body is said once, in digits, or nobody may guess it."""
    bad = lambda name, *lines, body=b"": (f"framing: {name}", request(POST, *lines, body=body), 400, "bad_request")
    for length in ("+3", "-1", "-0", "3x", "x3", "0x3", "3 3", "3,3", "3, 3", "3;3", "", "1e1", "3.0", "00", "03",
                   "\u0663", "'3'", '"3"', "3\t3", "0b11", "3_0", "Infinity", "NaN", "null"):
        yield bad(f"Content-Length {length!a}", f"Content-Length: {length}", body=b"abc")
    for length in ("1048577", "9999999", "999999999", "4294967297", "18446744073709551617", "9" * 40):
        yield f"framing: Content-Length {length}", request(POST, f"Content-Length: {length}"), 413, "body_too_large"
    yield bad("two equal lengths", "Content-Length: 3", "Content-Length: 3", body=b"abc")
    yield bad("two different lengths", "Content-Length: 3", "Content-Length: 4", body=b"abc")
    yield bad("length in a folded line", "Content-Length:", " 3", body=b"abc")
    yield bad("length with blank before colon", "Content-Length : 3", body=b"abc")
    chunked = b"3\r\nabc\r\n0\r\n\r\n"
    yield bad("CL.TE", "Content-Length: 3", "Transfer-Encoding: chunked", body=chunked)
    yield bad("TE.CL", "Transfer-Encoding: chunked", "Content-Length: 3", body=chunked)
    yield bad("CL.TE of no length", "Content-Length: 0", "Transfer-Encoding: chunked", body=chunked)
    yield bad("CL and identity", "Content-Length: 3", "Transfer-Encoding: identity", body=b"abc")
    for coding in ("chunked", "Chunked", "CHUNKED", " chunked ", "\tchunked"):
        data = request(POST, f"Transfer-Encoding:{coding}", body=chunked)
        yield f"framing: coding {coding!a}", data, 411, "length_required"
    for coding in ("xchunked", "chunkedx", "chunked, chunked", "gzip, chunked", "chunked, identity", "gzip", "identity",
                   "", "chunked;q=1", '"chunked"', "chun ked", "deflate", "cow", ",chunked", "chunked,"):
        yield bad(f"coding {coding!a}", f"Transfer-Encoding: {coding}", body=chunked)
    yield bad("coding with vertical tab", b"Transfer-Encoding:\x0bchunked", body=chunked)
    yield bad("coding with blank before colon", "Transfer-Encoding : chunked", body=chunked)
    yield bad("coding folded", "Transfer-Encoding:", " chunked", body=chunked)
    yield bad("coding twice", "Transfer-Encoding: chunked", "Transfer-Encoding: identity", body=chunked)
    yield bad("coding behind LF", b"X-Any: a\nTransfer-Encoding: chunked", body=chunked)
    data = request("POST /healthz HTTP/1.0", "Transfer-Encoding: chunked")
    yield "framing: coding in HTTP/1.0", data, 400, "bad_request"
    yield "framing: coding of GET", request(GET, "Transfer-Encoding: chunked", body=chunked), 411, "length_required"
    for method in ("GET", "OPTIONS"):
        data = request(f"{method} /healthz HTTP/1.1", "Content-Length: 3", body=b"abc")
        yield f"framing: {method} with body", data, 400, "bad_request"
    data = request(GET, "Content-Length: 34", body=request(GET))
    yield "framing: GET with a request as body", data, 400, "bad_request"


def refused_features():
    for value in ("100-continue", "100-Continue", "200-ok", "", "100-continue, x"):
        data = request(POST, "Content-Length: 3", f"Expect: {value}")
        yield f"feature: Expect {value!a}", data, 417, "expectation_failed"
    for coding in ("gzip", "GZIP", "br", "deflate", "zstd", "gzip, identity", "identity, gzip", "x", ""):
        data = request(POST, "Content-Length: 3", f"Content-Encoding: {coding}", body=b"abc")
        yield f"feature: Content-Encoding {coding!a}", data, 415, "unsupported_media_type"
    for ranges in ("bytes=0-1,2-3", "bytes=" + ",".join(["0-"] * 500), "bytes=0-0,", "bytes=-1,-1"):
        yield f"feature: Range {ranges[:14]}", request(GET, f"Range: {ranges}"), 416, "range_not_satisfiable"


def refused():
    for group in (request_lines, line_ends, fields, hosts, framing, refused_features):
        yield from group()


def served():
    """Right requests: (name, bytes, status, code of a problem or None)."""
    ok = lambda name, data: (f"served: {name}", data, 200, None)
    yield ok("plain", request())
    yield ok("empty line first", b"\r\n" + request())
    yield ok("no blank after colon", request(GET, "Accept:x"))
    yield ok("blanks and tabs round value", request(GET, "Accept: \t x \t "))
    yield ok("empty value", request(GET, "Accept:"))
    yield ok("two lists", request(GET, "Accept: a", "Accept: b"))
    yield ok("unknown field twice", request(GET, "X-Any: a", "X-Any: b"))
    yield ok("every token character", request(GET, "x!#$%&'*+-.^_`|~9: x"))
    yield ok("colon in value", request(GET, "X-Any: a:b"))
    yield ok("unknown field beyond ASCII", request(GET, b"X-Any: caf\xe9"))
    yield ok("cookie with %0a", request(GET, "Cookie: a=b%0Ac; d=\u00e9"))
    yield ok("referer with %0a", request(GET, "Referer: http://a/?q=%0a"))
    yield ok("percent that is none", request(GET, "X-Any: 100%", "X-Other: 5%zz"))
    yield ok("underscore twin", request(GET, "X_Tenant_Id: junk", "Transfer_Encoding: chunked"))
    yield ok("100 fields", request(GET, *[f"X-{i}: x" for i in range(99)]))
    yield ok("head of 32 KiB", request(GET, "X-Any: " + "x" * (32768 - len(request(GET, "X-Any: ")))))
    yield ok("request line of 8 KiB", request(long_line(8192)))
    yield ok("absolute target", request("GET http://a/healthz HTTP/1.1"))
    yield ok("absolute target in capitals", request("GET HTTPS://A/healthz HTTP/1.1"))
    yield ok("absolute target with port", request("GET http://a:80/healthz HTTP/1.1", host="a:80"))
    yield ok("two question marks", request("GET /healthz?a?b=/:@-._~!$&'()*+,;=%41 HTTP/1.1"))
    for host in ("a:80", "a:", "a.b-c_d.example", "1.2.3.4", "[::1]", "[::1]:8080", "[2001:db8::1]:65535", "A",
                 "a" * 253):
        yield ok(f"host {host[:20]}", request(GET, host=host))
    yield ok("length of GET is 0", request(GET, "Content-Length: 0"))
    yield ok("one range", request(GET, "Range: bytes=0-1"))
    yield ok("upgrade", request(GET, "Upgrade: websocket", "Connection: upgrade"))
    settings = ("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: x")
    yield ok("upgrade to HTTP/2", request(GET, *settings))
    yield ok("identity", request(GET, "Content-Encoding: identity"))
    yield ok("TE and Trailer", request(GET, "TE: trailers", "Trailer: x"))
    yield ok("keep-alive", request(GET, "Connection: keep-alive"))
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        for body in (b"", b"abc", b"GET / HTTP/1.1\r\n\r\n"):
            data = request(f"{method} /healthz HTTP/1.1", f"Content-Length: {len(body)}", body=body)
            yield f"served: {method} of {len(body)} bytes", data, 405, "method_not_allowed"
    for tenant in ("", "x", "01890000-0000-7000-8000-00000000000", "01890000-0000-7000-8000-0000000000011",
                   "01890000000070008000000000000001", "{01890000-0000-7000-8000-000000000001}",
                   "01890000-0000-7000-8000_000000000001", "0189000g-0000-7000-8000-000000000001",
                   "urn:uuid:01890000-0000-7000-8000-000000000001", "null", "' or 1=1",
                   "01890000-0000-7000-8000-000000000001,01890000-0000-7000-8000-000000000002"):
        data = request("GET /v1/errors HTTP/1.1", f"X-Tenant-Id: {tenant}")
        yield f"served: tenant {tenant[:40]!a}", data, 400, "invalid_tenant_id"
    for name, pair in {
        "two tokens": ("Authorization: Bearer a", "X-API-Key: b"),
        "two keys": ("Authorization: Bearer pf_live_a", "X-API-Key: pf_live_b"),
        "Basic and key": ("Authorization: Basic eA==", "X-API-Key: eA=="),
        "empty and key": ("Authorization:", "X-API-Key: a"),
        "Bearer alone and key": ("Authorization: Bearer", "X-API-Key: a"),
    }.items():
        yield f"served: {name}", request("GET /v1/errors HTTP/1.1", *pair), 400, "ambiguous_credentials"
    yield "served: OPTIONS *", request("OPTIONS * HTTP/1.1"), 204, None


def closing():
    """Right requests after which the connection ends: what follows may have been meant as something else."""
    yield "closing: close", request(GET, "Connection: close"), 200, None
    yield "closing: Close in a list", request(GET, "Connection: x, Close"), 200, None
    yield "closing: close in a second field", request(GET, "Connection: x", "Connection: close"), 200, None
    yield "closing: HTTP/1.0", request("GET /healthz HTTP/1.0"), 200, None
    yield "closing: HTTP/1.0 keep-alive", request("GET /healthz HTTP/1.0", "Connection: keep-alive"), 200, None
    yield "closing: HTTP/1.0 without Host", request("GET /healthz HTTP/1.0", host=None), 200, None
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        yield f"closing: {method} without length", request(f"{method} /healthz HTTP/1.1"), 405, "method_not_allowed"
