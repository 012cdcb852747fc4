"""A body is held against the digest that its sender gave."""

import base64
import hashlib

import pytest

from tests.app.conftest import RunningApp, png_of
from tests.performance.load import MULTIPART, multipart

BODY = multipart(png_of(1))
DIGESTS = {
    "Content-Digest": f"sha-256=:{base64.b64encode(hashlib.sha256(BODY).digest()).decode()}:",
    "X-Content-SHA256": hashlib.sha256(BODY).hexdigest(),
}


def send(app: RunningApp, lab: dict[str, str], body: bytes, **headers: str) -> tuple[int, str | None]:
    answer = app.client.post(
        "/api/v1/predictions", headers={**lab, **headers, "content-type": MULTIPART}, content=body
    )
    return answer.status_code, answer.json().get("code")


@pytest.mark.parametrize("header", DIGESTS)
@pytest.mark.parametrize("key", [None, "one-key"])
def test_an_altered_body_is_refused_and_a_whole_one_taken(
    app: RunningApp, lab: dict[str, str], header: str, key: str | None
) -> None:
    sent = {header: DIGESTS[header], **({"Idempotency-Key": f"{key}-{header}"} if key else {})}
    altered = bytearray(BODY)
    altered[len(BODY) // 2] ^= 1
    before = app.count("cells")
    assert send(app, lab, bytes(altered), **sent) == (422, "content_altered")
    assert app.count("cells") == before
    assert send(app, lab, BODY, **sent) == (201, None)


def test_a_second_algorithm_counts_and_an_unknown_one_does_not(app: RunningApp, lab: dict[str, str]) -> None:
    wrong = base64.b64encode(bytes(64)).decode()
    both = f"{DIGESTS['Content-Digest']}, sha-512=:{wrong}:"
    assert send(app, lab, BODY, **{"Content-Digest": both}) == (422, "content_altered")
    unknown = f"{DIGESTS['Content-Digest']}, md5=:{wrong}:"
    assert send(app, lab, BODY, **{"Content-Digest": unknown}) == (201, None)


@pytest.mark.parametrize(
    "sent",
    [{"Content-Digest": "sha-256=abc"}, {"Content-Digest": "sha-256=:a:"}, {"X-Content-SHA256": "abc"}],
)
def test_a_digest_that_cannot_be_read_is_refused(
    app: RunningApp, lab: dict[str, str], sent: dict[str, str]
) -> None:
    assert send(app, lab, BODY, **sent) == (422, "bad_request")
