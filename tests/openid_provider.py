"""A small OpenID provider, a process of its own: `python -m tests.openid_provider PORT`.

It signs in whoever `PUT /person` named last, without asking, and lies in the one way that `lie` there names.
"""

import base64
import hashlib
import json
import secrets
import sys
import time
from typing import Any
from urllib.parse import urlencode

import uvicorn
from joserfc import jwt
from joserfc.jwk import KeySet, OctKey, RSAKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

CLIENT_ID, CLIENT_SECRET = "leukolens", "the-secret-of-this-client"

LIES = (
    "another nonce",
    "another issuer",
    "another audience",
    "expired",
    "signed by a stranger",
    "not signed",
    "signed with the client's secret",
)


class Provider:
    """State of the one running provider."""

    def __init__(self, issuer: str) -> None:
        self.issuer = issuer
        self.key = RSAKey.generate_key(2048, {"kid": "first"})
        self.stranger = RSAKey.generate_key(2048, {"kid": "first"})
        self.person: dict[str, Any] = {}
        self.codes: dict[str, dict[str, str]] = {}

    async def configuration(self, _: Request) -> Response:
        places = {"authorization_endpoint": "authorize", "token_endpoint": "token", "jwks_uri": "keys"}
        return JSONResponse(
            {"issuer": self.issuer} | {name: f"{self.issuer}/{path}" for name, path in places.items()}
        )

    async def keys(self, _: Request) -> Response:
        return JSONResponse(KeySet([self.key]).as_dict(private=False))

    async def put_person(self, request: Request) -> Response:
        self.person = await request.json()
        return Response(status_code=204)

    async def new_key(self, _: Request) -> Response:
        self.key = RSAKey.generate_key(2048, {"kid": secrets.token_hex(4)})
        return Response(status_code=204)

    async def authorize(self, request: Request) -> Response:
        asked = dict(request.query_params)
        fits = (
            asked["response_type"] == "code"
            and asked["client_id"] == CLIENT_ID
            and asked["code_challenge_method"] == "S256"
            and "openid" in asked["scope"].split()
        )
        if not fits:
            return Response("not as OpenID Connect says", 400)
        code = secrets.token_urlsafe()
        self.codes[code] = asked
        back = urlencode({"code": code, "state": asked["state"]})
        return RedirectResponse(f"{asked['redirect_uri']}?{back}", 302)

    async def token(self, request: Request) -> Response:
        form = await request.form()
        asked = self.codes.pop(str(form["code"]), None)
        if asked is None or not self._may_have(request, form, asked):
            return JSONResponse({"error": "invalid_grant"}, 400)
        return JSONResponse(
            {"access_token": "unused", "token_type": "Bearer", "id_token": self._id_token(asked["nonce"])}
        )

    def _may_have(self, request: Request, form: Any, asked: dict[str, str]) -> bool:
        known = base64.b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()
        challenge = base64.urlsafe_b64encode(hashlib.sha256(str(form["code_verifier"]).encode()).digest())
        return (
            request.headers.get("authorization") == f"Basic {known}"
            and challenge.decode().rstrip("=") == asked["code_challenge"]
            and form["redirect_uri"] == asked["redirect_uri"]
        )

    def _id_token(self, nonce: str) -> str:
        lie = self.person.get("lie")
        now = int(time.time())
        claims = {name: value for name, value in self.person.items() if name != "lie"} | {
            "iss": "https://elsewhere.example" if lie == "another issuer" else self.issuer,
            "aud": "somebody else" if lie == "another audience" else CLIENT_ID,
            "nonce": "another" if lie == "another nonce" else nonce,
            "iat": now,
            "exp": now - 3600 if lie == "expired" else now + 300,
        }
        if lie == "not signed":
            parts = ('{"alg":"none"}', json.dumps(claims))
            return (
                ".".join(base64.urlsafe_b64encode(part.encode()).decode().rstrip("=") for part in parts) + "."
            )
        if lie == "signed with the client's secret":
            return jwt.encode({"alg": "HS256"}, claims, OctKey.import_key(CLIENT_SECRET))
        key = self.stranger if lie == "signed by a stranger" else self.key
        return jwt.encode({"alg": "RS256", "kid": key.kid}, claims, key)


def create_provider(issuer: str) -> Starlette:
    provider = Provider(issuer)
    return Starlette(
        routes=[
            Route("/.well-known/openid-configuration", provider.configuration),
            Route("/authorize", provider.authorize),
            Route("/token", provider.token, methods=["POST"]),
            Route("/keys", provider.keys),
            Route("/keys", provider.new_key, methods=["PUT"]),
            Route("/person", provider.put_person, methods=["PUT"]),
        ]
    )


if __name__ == "__main__":
    port = int(sys.argv[1])
    uvicorn.run(create_provider(f"http://127.0.0.1:{port}"), port=port, log_level="warning")
