"""An identity provider for tests: real signed tokens (RS256), the file of its public keys, its token endpoint."""

import base64
import json
import ssl
import threading
import time
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, unquote_plus

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from tests.certificates import Issued

ISSUER = "https://identity.example"
AUDIENCE = "kafka"
KEY_ID = "key-1"


class Signer:
    """Signs tokens; `keys_file` is the JSON Web Key Set with which Kafka checks them."""

    def __init__(self, folder: Path) -> None:
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        numbers = self._key.public_key().public_numbers()
        modulus, exponent = numbers.n.to_bytes(256), numbers.e.to_bytes(3)
        key = {
            "kty": "RSA",
            "use": "sig",
            "alg": "RS256",
            "kid": KEY_ID,
            "n": _encoded(modulus),
            "e": _encoded(exponent),
        }
        self.keys_file = folder / "keys.json"
        self.keys_file.write_text(json.dumps({"keys": [key]}))

    def token(self, subject: str, seconds: float = 300, **claims: Any) -> str:
        """A token that is good for so many seconds from now."""
        now = int(time.time())
        reported = {"iss": ISSUER, "aud": AUDIENCE, "sub": subject, "iat": now, "exp": int(now + seconds)} | claims
        parts = ({"alg": "RS256", "typ": "JWT", "kid": KEY_ID}, reported)
        signed = ".".join(_encoded(json.dumps(part).encode()) for part in parts)
        return f"{signed}.{_encoded(self._key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256()))}"


class TokenEndpoint:
    """Gives tokens to clients who know their secret (OAuth 2.0 client credentials); notes what it was asked."""

    def __init__(self, signer: Signer, clients: Mapping[str, str], certificate: Issued) -> None:
        self.signer = signer
        self.clients = dict(clients)
        self.lifetime_seconds = 300.0
        self.status = 200  # what it answers to a good request
        self.requests: list[dict[str, list[str]]] = []
        self.given: list[str] = []
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate.both_file)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"endpoint": self}))
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        """Where clients ask."""
        return f"https://127.0.0.1:{self._server.server_address[1]}/token"

    def answer(self, authorization: str, form: dict[str, list[str]]) -> tuple[int, dict[str, object]]:
        """Status and body for one request."""
        self.requests.append(form)
        client, _, secret = base64.b64decode(authorization.removeprefix("Basic ")).decode().partition(":")
        if self.status != 200:
            return self.status, {"error": "temporarily_unavailable"}
        if form.get("grant_type") != ["client_credentials"]:
            return 400, {"error": "unsupported_grant_type"}
        if self.clients.get(unquote_plus(client)) != unquote_plus(secret):
            return 401, {"error": "invalid_client", "error_description": "no such client, or another secret"}
        token = self.signer.token(unquote_plus(client), self.lifetime_seconds)
        self.given.append(token)
        return 200, {"access_token": token, "token_type": "Bearer", "expires_in": int(self.lifetime_seconds)}


class _Handler(BaseHTTPRequestHandler):
    endpoint: TokenEndpoint

    def do_POST(self) -> None:
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        status, answer = self.endpoint.answer(self.headers["Authorization"] or "", form)
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


def _encoded(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).decode().rstrip("=")
