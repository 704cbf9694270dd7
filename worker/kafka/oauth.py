"""Access tokens for Kafka (OAUTHBEARER): from a token endpoint (OAuth 2.0 client credentials) or from a file."""

from __future__ import annotations

import base64
import binascii
import http.client
import json
import ssl
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote_plus, urlencode

import structlog

from worker.errors import AccessDenied, KafkaAway, WorkerError

# A token is renewed after this share of its life, so that an endpoint may be away for the rest of it. librdkafka asks
# after 0.8 and logs in anew after 0.9: it must not be given the old one then, with which it could stay for a tenth.
_RENEW_RATIO = 0.7
# Of a token that does not say when it ends.
_UNKNOWN_LIFE_SECONDS = 300.0
_PAUSE_SECONDS = 1.0
_LARGEST_ANSWER = 1_000_000
# What the endpoint says about us; everything else may be over a moment later.
_REFUSALS = (400, 401, 403)

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class TokenEndpoint:
    """Where a client asks for tokens, and as whom. `tls` is what it speaks to the endpoint with."""

    url: str
    client_id: str
    client_secret: str = field(repr=False)
    scope: str | None = None
    tls: ssl.SSLContext | None = None


class AccessToken(NamedTuple):
    """A token and its end, in seconds since 1970."""

    value: str
    ends_at: float


class AccessTokens:
    """The token of the moment, for every Kafka client of a process; each client calls it on a thread of its own.

    A renewal that fails is tried again with the next call; as long as the last token is good, it serves.
    """

    def __init__(
        self, subscription: TokenEndpoint | Path, limit_seconds: float, clock: Callable[[], float] = time.time
    ) -> None:
        self._subscription = subscription
        self._limit = limit_seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._token = AccessToken("", 0.0)
        self._renew_at = 0.0
        self._failed = False

    def current(self) -> AccessToken:
        """A token that is good now. Raises AccessDenied when we are refused one, KafkaAway when nobody answers."""
        with self._lock:
            if self._clock() >= self._renew_at:
                self._renew()
            return self._token

    def token(self) -> str:
        """The same for kafka-python."""
        return self.current().value

    def extensions(self) -> dict[str, str]:
        """What kafka-python is to send beside the token."""
        return {}

    def with_end(self, _config: str = "") -> tuple[str, float]:
        """The same for librdkafka."""
        token = self.current()
        return token.value, token.ends_at

    def _renew(self) -> None:
        began = self._clock()
        try:
            self._token = self._fetch()
        except WorkerError as problem:
            if self._clock() >= self._token.ends_at:
                raise
            if not self._failed:
                log.warning(
                    "the access token cannot be renewed; the last one serves while it is good", reason=str(problem)
                )
            self._failed, self._renew_at = True, self._clock() + _PAUSE_SECONDS
        else:
            self._failed, self._renew_at = False, began + _RENEW_RATIO * (self._token.ends_at - began)

    def _fetch(self) -> AccessToken:
        if isinstance(self._subscription, Path):
            return self._read(self._subscription)
        return self._ask(self._subscription)

    def _read(self, path: Path) -> AccessToken:
        setting = "SENTIMENT_KAFKA_SASL_OAUTH_TOKEN_FILE"
        try:
            value = path.read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "it holds no token"
            raise AccessDenied(f"{setting}: cannot read {path}: {reason}") from None
        if not value:
            raise AccessDenied(f"{setting}: {path} is empty")
        return self._checked(AccessToken(value, self._end(value)), f"{setting}: the token in {path}")

    def _ask(self, endpoint: TokenEndpoint) -> AccessToken:
        asked_at = self._clock()
        answer = _post(endpoint, self._limit)
        value, seconds = answer.get("access_token"), answer.get("expires_in")
        if not isinstance(value, str) or not value:
            raise AccessDenied(f"the token endpoint {endpoint.url} answers without an access token")
        ends_at = asked_at + seconds if isinstance(seconds, int | float) else self._end(value)
        return self._checked(AccessToken(value, ends_at), f"the token of {endpoint.url}")

    def _end(self, value: str) -> float:
        return _claimed_end(value) or self._clock() + _UNKNOWN_LIFE_SECONDS

    def _checked(self, token: AccessToken, what: str) -> AccessToken:
        if token.ends_at <= self._clock():
            raise AccessDenied(f"{what} has expired")
        return token


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Elsewhere the client's secret would go along."""

    def redirect_request(self, *_arguments: object) -> None:
        return None


def _post(endpoint: TokenEndpoint, seconds: float) -> dict[str, object]:
    form = {"grant_type": "client_credentials"} | ({"scope": endpoint.scope} if endpoint.scope else {})
    identity = f"{quote_plus(endpoint.client_id)}:{quote_plus(endpoint.client_secret)}"
    headers = {
        "Authorization": f"Basic {base64.b64encode(identity.encode()).decode()}",
        "Content-Type": "application/x-www-form-urlencoded",
        "Accept": "application/json",
    }
    request = urllib.request.Request(endpoint.url, urlencode(form).encode(), headers)
    opener = urllib.request.build_opener(_NoRedirect, urllib.request.HTTPSHandler(context=endpoint.tls))
    try:
        with opener.open(request, timeout=seconds) as response:
            answer = json.loads(response.read(_LARGEST_ANSWER))
    except urllib.error.HTTPError as error:
        with error:
            raise _load_failure(endpoint.url, error) from None
    except (OSError, http.client.HTTPException) as error:
        raise _away(endpoint.url, error) from None
    except ValueError:
        raise AccessDenied(f"the token endpoint {endpoint.url} does not answer in JSON") from None
    return answer if isinstance(answer, dict) else {}


def _load_failure(url: str, error: urllib.error.HTTPError) -> WorkerError:
    try:
        reported = json.loads(error.read(_LARGEST_ANSWER))
        reason = " ".join(str(reported[name]) for name in ("error", "error_description") if name in reported)[:200]
    except (OSError, ValueError, TypeError):
        reason = ""
    says = f"the token endpoint {url} answers {error.code}" + (f" ({reason})" if reason else "")
    if error.code in _REFUSALS:
        return AccessDenied(f"{says}: check the SENTIMENT_KAFKA_SASL_OAUTH_ settings")
    return KafkaAway(says)


def _away(url: str, error: Exception) -> WorkerError:
    reason = getattr(error, "reason", None) or error
    if isinstance(reason, ssl.SSLCertVerificationError):
        return AccessDenied(
            f"the certificate of the token endpoint {url} is not trusted ({reason.verify_message}): "
            "check SENTIMENT_KAFKA_SASL_OAUTH_CA_FILE"
        )
    return KafkaAway(f"the token endpoint {url} does not answer ({reason})")


def _claimed_end(token: str) -> float | None:
    """When a token says it ends, if it is one that can be read (a JSON Web Token)."""
    parts = token.split(".")
    if len(parts) != 3:
        return None
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
        return float(claims["exp"])
    except (binascii.Error, ValueError, KeyError, TypeError):
        return None
