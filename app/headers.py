"""Headers on every answer, the ones the framework's own error paths give included."""

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


class SecureHeaders:
    """Adds what is missing; an answer that sets one of them keeps its own."""

    def __init__(self, app: ASGIApp, https: bool) -> None:
        self._app = app
        self._defaults = {
            "Content-Security-Policy": CONTENT_SECURITY_POLICY,
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "same-origin",
            "Cross-Origin-Resource-Policy": "same-origin",
            "Cross-Origin-Opener-Policy": "same-origin",
            "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
        }
        if https:
            self._defaults["Strict-Transport-Security"] = "max-age=31536000; includeSubDomains"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        # A static file's address carries its digest (`?v=`), so it may be kept for ever.
        static = scope["path"].startswith("/static/") and b"v=" in scope["query_string"]
        keep = "public, max-age=31536000, immutable" if static else "no-store"

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._defaults.items():
                    headers.setdefault(name, value)
                headers.setdefault("Cache-Control", keep)
            await send(message)

        await self._app(scope, receive, send_with_headers)
