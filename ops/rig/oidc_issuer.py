"""An OpenID Connect issuer of the caller's own that says whatever it is told to, however hostile."""

import contextlib
import hashlib
import json
import threading
import time
import uuid
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

from contract import base64url
from ops.rig.eventually import PATIENCE_S

CLIENT_ID, OTHER_CLIENT_ID = "live-vote", "live-vote-phone"
NONCE = "what the client keeps"
DISCOVERY, KEYS = "/.well-known/openid-configuration", "/keys"


def hashed(nonce: str) -> str:
    """The nonce as it stands in an authorization request."""
    return base64url.encode(hashlib.sha256(nonce.encode()).digest()).decode()


def listed(url: str, **settings: Any) -> str:
    """An issuer as the operator's file lists it."""
    lines = {"issuer": url, "audiences": [CLIENT_ID, OTHER_CLIENT_ID], **settings}
    return "[[issuer]]\n" + "".join(f"{name} = {json.dumps(value)}\n" for name, value in lines.items())


class OidcIssuer(ThreadingHTTPServer):
    """Honest until its `documents` (bytes by path), `status` or `headers` are changed; `asked` lists what was read."""

    daemon_threads = True

    def __init__(self, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.status, self.headers = 200, dict[str, str]()
        self.asked: list[str] = []
        self.may_answer = threading.Event()
        self.may_answer.set()
        self.documents = {
            DISCOVERY: json.dumps({"issuer": self.url, "jwks_uri": f"{self.url}{KEYS}"}).encode(),
            KEYS: json.dumps({"keys": [self.jwk("first")]}).encode(),
        }

    def settings(self, **settings: Any) -> str:
        """Itself as the operator's file lists it."""
        return listed(self.url, **settings)

    def jwk(self, key_id: str, key: rsa.RSAPrivateKey | None = None) -> dict[str, Any]:
        """The public half of a key, by default of its own."""
        public = jwt.algorithms.RSAAlgorithm.to_jwk((key or self.key).public_key(), as_dict=True)
        return {**public, "kid": key_id, "use": "sig", "alg": "RS256"}

    def claims(self, **claims: Any) -> dict[str, Any]:
        """What a sound token of a new person says, but for these; None leaves one out."""
        now = int(time.time())
        sound = {
            "iss": self.url,
            "aud": CLIENT_ID,
            "sub": uuid.uuid4().hex,
            "jti": uuid.uuid4().hex,
            "iat": now,
            "exp": now + 300,
            "nonce": hashed(NONCE),
        }
        return {name: value for name, value in {**sound, **claims}.items() if value is not None}

    def token(self, header: dict[str, Any] | None = None, **claims: Any) -> str:
        """A token with these claims over sound ones, and with this header over a sound one."""
        payload = json.dumps(self.claims(**claims)).encode()
        return jwt.PyJWS().encode(payload, self.key, "RS256", {"kid": "first", **(header or {})})

    def handle_error(self, *_: object) -> None:
        """Who asks may give up early."""


class _Handler(BaseHTTPRequestHandler):
    server: OidcIssuer

    def do_GET(self) -> None:
        """A document, when the server may answer."""
        self.server.asked.append(self.path)
        self.server.may_answer.wait(PATIENCE_S)
        content = self.server.documents.get(self.path, b"")
        self.send_response(self.server.status)
        for name, value in self.server.headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@contextlib.contextmanager
def oidc_issuer(port: int = 0) -> Iterator[OidcIssuer]:
    """Run one until the end of the block."""
    server = OidcIssuer(port)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server
    finally:
        server.may_answer.set()
        server.shutdown()
        server.server_close()
