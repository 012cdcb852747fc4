"""Signatures of webhooks: what a receiver takes and what it refuses."""

import pytest

from app.interop.signatures import REPLAY_WINDOW_S, SignatureRefused, sign, verify

SECRET, BODY, NOW_S = "s3cret", b'{"id":"1"}', 1_800_000_000


def test_a_signed_body_is_taken_within_the_window() -> None:
    header = sign(SECRET, BODY, NOW_S)
    verify(SECRET, header, BODY, NOW_S + REPLAY_WINDOW_S)
    verify(SECRET, header, BODY, NOW_S - REPLAY_WINDOW_S)


@pytest.mark.parametrize("late_s", [REPLAY_WINDOW_S + 1, -REPLAY_WINDOW_S - 1])
def test_a_replayed_or_postdated_one_is_refused(late_s: int) -> None:
    with pytest.raises(SignatureRefused, match="at most 300 s"):
        verify(SECRET, sign(SECRET, BODY, NOW_S), BODY, NOW_S + late_s)


@pytest.mark.parametrize(
    ("secret", "body", "header"),
    [
        ("other", BODY, sign(SECRET, BODY, NOW_S)),
        (SECRET, BODY + b" ", sign(SECRET, BODY, NOW_S)),
        (SECRET, BODY, sign(SECRET, BODY, NOW_S).replace(str(NOW_S), str(NOW_S + 1))),
        (SECRET, BODY, f"t={NOW_S},v1=é"),
    ],
)
def test_another_secret_body_or_time_is_refused(secret: str, body: bytes, header: str) -> None:
    with pytest.raises(SignatureRefused, match="does not belong"):
        verify(secret, header, body, NOW_S)


@pytest.mark.parametrize("header", ["", "v1=ab", "t=now,v1=ab", "t=1;v1=ab", "nonsense"])
def test_a_header_that_cannot_be_read_is_refused(header: str) -> None:
    with pytest.raises(SignatureRefused, match="Expected Leukolens-Signature"):
        verify(SECRET, header, BODY, NOW_S)
