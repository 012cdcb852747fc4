"""Signing in at an OpenID provider: authorization code with PKCE, one issuer, named by an admin and never by a request.

Nothing is kept between the way out and the way back: state, nonce and PKCE verifier are made from a random cookie with
the secret key, so only the browser that went out can come back, once for each answer of the provider.

Sources: OpenID Connect Core 1.0, 3.1; RFC 7636 (PKCE); RFC 9700 (best current practice).
"""

import base64
import hmac
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import httpx2
import structlog
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.httpx_client import OAuth2Client
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from app.accounts.tokens import digest_of, new_token
from app.errors import NotAllowed, ProviderUnavailable

ALGORITHMS = ["RS256", "PS256", "ES256", "EdDSA"]
"""Signatures with a public key only: with `none` or a shared secret anybody could sign."""

CLOCKS_APART_S = 60
TIMEOUT_S = 10.0

log = structlog.get_logger()


@dataclass(frozen=True)
class Departure:
    """Where a browser is sent, and the cookie it must bring back."""

    url: str
    cookie: str


@dataclass(frozen=True)
class Person:
    """Whom the provider vouches for. email: None unless the provider has verified it."""

    issuer: str
    subject: str
    email: str | None


class OpenIdProvider:
    """One provider. What it says of itself is fetched when first needed."""

    def __init__(self, issuer: str, client_id: str, client_secret: str, secret: bytes) -> None:
        self.issuer = issuer
        self._client_id = client_id
        self._client_secret = client_secret
        self._secret = secret
        self._metadata: Mapping[str, Any] | None = None
        self._keys: KeySet | None = None
        self._fetching = threading.Lock()

    def depart(self, redirect_uri: str, target: str) -> Departure:
        """target: the local path to go to afterwards.

        Raises:
            ProviderUnavailable: the provider does not answer.
        """
        cookie = new_token()
        with self._client(redirect_uri) as client:
            url, _ = client.create_authorization_url(
                self._described("authorization_endpoint"),
                state=self._state(cookie, target),
                nonce=self._derived("nonce", cookie),
                code_verifier=self._derived("verifier", cookie),
            )
        return Departure(url, cookie)

    def arrive(
        self, cookie: str, state: str, code: str, redirect_uri: str, now: datetime
    ) -> tuple[Person, str]:
        """The person whom the provider sent back, and the path to go to.

        Raises:
            NotAllowed: the answer is not one to this browser's question, or does not hold.
            ProviderUnavailable: the provider does not answer.
        """
        target = _target_of(state)
        if not hmac.compare_digest(state.encode(), self._state(cookie, target).encode()):
            raise NotAllowed("This answer belongs to another sign-in. Start again from the sign-in page.")
        try:
            token = self._token(code, self._derived("verifier", cookie), redirect_uri)
            claims = self._claims(token, self._derived("nonce", cookie), now)
        except (AuthlibBaseError, JoseError, ValueError, KeyError) as broken:
            log.warning("openid_refused", kind=type(broken).__name__)
            raise NotAllowed(
                "The provider's answer does not hold. Start again from the sign-in page."
            ) from broken
        verified = claims.get("email_verified") is True
        return Person(self.issuer, claims["sub"], claims.get("email") if verified else None), target

    def _token(self, code: str, verifier: str, redirect_uri: str) -> dict[str, Any]:
        with self._client(redirect_uri) as client, _answers():
            token: dict[str, Any] = client.fetch_token(
                self._described("token_endpoint"), code=code, code_verifier=verifier
            )
        return token

    def _claims(self, token: dict[str, Any], nonce: str, now: datetime) -> CodeIDToken:
        decoded = self._decoded(token["id_token"])
        claims = CodeIDToken(
            decoded.claims,
            decoded.header,
            {
                "iss": {"essential": True, "value": self.issuer},
                "aud": {"essential": True, "value": self._client_id},
                "nonce": {"essential": True, "value": nonce},
            },
            {"client_id": self._client_id, "access_token": token.get("access_token")},
        )
        claims.validate(int(now.timestamp()), CLOCKS_APART_S)
        return claims

    def _decoded(self, id_token: str) -> jwt.Token:
        """Keys are fetched anew, once, for a signature that none of the known ones made: providers change theirs."""
        for keys in (self._keys, None):
            try:
                return jwt.decode(id_token, keys or self._fetched_keys(), algorithms=ALGORITHMS)
            except (JoseError, ValueError):
                if keys is None:
                    raise
        raise AssertionError("the second round returns or raises")

    def _fetched_keys(self) -> KeySet:
        self._keys = KeySet.import_key_set(_fetch(self._described("jwks_uri")))
        return self._keys

    def _described(self, name: str) -> str:
        with self._fetching:
            if self._metadata is None:
                told = _fetch(f"{self.issuer.rstrip('/')}/.well-known/openid-configuration")
                if told.get("issuer") != self.issuer:
                    raise ProviderUnavailable(
                        f"Expected the issuer {self.issuer}, got {told.get('issuer')!r}. Check LEUKOLENS_OIDC_ISSUER."
                    )
                self._metadata = told
        return str(self._metadata[name])

    def _client(self, redirect_uri: str) -> OAuth2Client:
        return OAuth2Client(
            self._client_id,
            self._client_secret,
            scope="openid email",
            redirect_uri=redirect_uri,
            code_challenge_method="S256",
            timeout=TIMEOUT_S,
        )

    def _state(self, cookie: str, target: str) -> str:
        path = base64.urlsafe_b64encode(target.encode()).decode()
        return f"{path}.{self._derived(f'state {target}', cookie)}"

    def _derived(self, purpose: str, cookie: str) -> str:
        return digest_of(f"openid {purpose} {cookie}", self._secret)


def _target_of(state: str) -> str:
    try:
        return base64.urlsafe_b64decode(state.partition(".")[0].encode()).decode()
    except ValueError:
        return "/"


def _fetch(url: str) -> Any:
    with _answers():
        answer = httpx2.get(url, timeout=TIMEOUT_S)
        answer.raise_for_status()
        return answer.json()


@contextmanager
def _answers() -> Iterator[None]:
    try:
        yield
    except httpx2.HTTPError as failure:
        log.warning("openid_provider_unavailable", kind=type(failure).__name__)
        raise ProviderUnavailable(
            "The sign-in service of your organisation did not answer. Try again, or use your password.",
            retry_after_s=10,
        ) from failure
