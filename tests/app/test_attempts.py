"""Counting attempts: windows that move by a clock that never goes back, and what is counted together."""

from dataclasses import dataclass
from datetime import timedelta

import pytest
from starlette.testclient import TestClient

from app.accounts import sign_in
from app.accounts.attempts import Attempts, Limit
from app.accounts.passwords import hash_password, verify_password
from app.accounts.permissions import Role, Scope
from app.accounts.sign_in import SignIn, network_of
from app.audit.acts import Act
from app.audit.repository import TrailFilter
from app.audit.trail import TrailService
from app.errors import NotAuthenticated, RateLimited
from tests.app.conftest import PASSWORD, RunningApp

FEW = Limit("few", 3, 10)
WRONG = "not the password"


@dataclass
class Clock:
    """Seconds that a test moves."""

    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_window_lets_so_many_in_and_says_how_long_to_wait() -> None:
    clock = Clock()
    attempts = Attempts(clock)
    assert [attempts.take((FEW, "a")) for _ in range(4)] == [None, None, None, 10]
    clock.now += 9.5
    assert attempts.take((FEW, "a")) == 1
    clock.now += 0.5
    assert attempts.take((FEW, "a")) is None


def test_buckets_are_counted_together_or_not_at_all() -> None:
    attempts = Attempts(Clock())
    for _ in range(3):
        attempts.take((FEW, "full"))
    for _ in range(5):
        assert attempts.take((FEW, "full"), (FEW, "other")) == 10
    assert attempts.take((FEW, "other")) is None


def test_what_was_given_back_does_not_count() -> None:
    attempts = Attempts(Clock())
    for _ in range(20):
        assert attempts.take((FEW, "a")) is None
        attempts.give_back((FEW, "a"))


def test_old_buckets_are_forgotten() -> None:
    clock = Clock()
    attempts = Attempts(clock)
    for number in range(10_001):
        attempts.take((FEW, str(number)))
    clock.now += 11
    attempts.take((FEW, "last"))
    assert len(attempts._taken) == 1


@pytest.mark.parametrize(
    ("address", "network"),
    [("192.0.2.7", "192.0.2.7"), ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"), ("testclient", "testclient")],
)
def test_one_ipv6_line_is_one_guesser(address: str, network: str) -> None:
    assert network_of(address) == network


def test_an_unknown_account_is_hashed_with_the_same_work_as_a_known_one() -> None:
    from app.accounts.passwords import _decoy_hash

    parameters = [text.split("$")[1:4] for text in (_decoy_hash(), hash_password(PASSWORD))]
    assert parameters[0] == parameters[1] == ["argon2id", "v=19", "m=65536,t=3,p=4"]
    assert not verify_password(PASSWORD, None)


def gate(app: RunningApp, clock: Clock) -> SignIn:
    return SignIn(app.services.database, app.settings.secret, app.services.now, clock)


def refusals(
    gate: SignIn, email: str, addresses: list[str], device: str | None = None
) -> list[type[Exception]]:
    """How wrong passwords from these addresses were refused, one after the other."""
    met: list[type[Exception]] = []
    for address in addresses:
        try:
            gate.check(email, WRONG, address, device)
        except (NotAuthenticated, RateLimited) as refused:
            met.append(type(refused))
    return met


def test_one_address_guesses_ten_times_a_minute_at_one_account_and_another_person_comes_in(
    app: RunningApp,
) -> None:
    clock, email = Clock(), app.person(Role.VIEWER)
    counted = gate(app, clock)
    met = []
    for _ in range(3):
        met += refusals(counted, email, ["192.0.2.1"] * 5)
        clock.now += 5
    assert met == [NotAuthenticated] * 10 + [RateLimited] * 5
    assert counted.check(email, PASSWORD, "192.0.2.2", None).email == email


def test_many_addresses_together_are_stopped_and_a_browser_that_was_here_before_is_not(
    app: RunningApp,
) -> None:
    clock, email = Clock(), app.person(Role.VIEWER)
    counted = gate(app, clock)
    device = counted.device_cookie(email)
    met = refusals(counted, email, [f"192.0.2.{number}" for number in range(20)])
    assert met == [NotAuthenticated] * 10 + [RateLimited] * 10
    with pytest.raises(RateLimited) as refused:
        counted.check(email, PASSWORD, "198.51.100.1", None)
    assert refused.value.retry_after_s == 5
    assert counted.check(email, PASSWORD, "198.51.100.1", device).email == email


@pytest.mark.parametrize("forged", ["", ".", "x.y", "é.é"])
def test_a_device_cookie_cannot_be_made_up_or_lent_to_another_account(app: RunningApp, forged: str) -> None:
    counted = gate(app, Clock())
    email = app.person(Role.VIEWER)
    lent = counted.device_cookie("somebody@lab.example")
    for device in (forged, lent):
        assert counted._buckets(email, "192.0.2.1", device)[0][0] is sign_in.STRANGERS


def test_a_device_guesses_ten_times_a_minute(app: RunningApp) -> None:
    counted, email = gate(app, Clock()), app.person(Role.VIEWER)
    met = refusals(counted, email, ["192.0.2.1"] * 12, counted.device_cookie(email))
    assert met == [NotAuthenticated] * 10 + [RateLimited] * 2


@pytest.mark.parametrize("jump", [timedelta(hours=-1), timedelta(days=1)])
def test_a_wall_clock_that_jumps_neither_opens_nor_locks_the_gate(app: RunningApp, jump: timedelta) -> None:
    clock, email, shown = Clock(), app.person(Role.VIEWER), [app.services.now()]
    counted = SignIn(app.services.database, app.settings.secret, lambda: shown[0], clock)
    assert refusals(counted, email, ["192.0.2.1"] * 11)[-1] is RateLimited
    shown[0] += jump
    assert refusals(counted, email, ["192.0.2.1"]) == [RateLimited]
    clock.now += 61
    assert counted.check(email, PASSWORD, "192.0.2.1", None).email == email


def test_the_sign_in_page_says_429_and_when_to_try_again(own_app: RunningApp) -> None:
    stranger = TestClient(own_app.client.app)
    form = {"email": "nobody@lab.example", "password": WRONG}
    answers = [stranger.post("/login", data=form) for _ in range(12)]
    assert 429 in {answer.status_code for answer in answers}
    late = next(answer for answer in answers if answer.status_code == 429)
    assert int(late.headers["retry-after"]) >= 1
    assert "Too many attempts" in late.text
    failed = sum(answer.status_code == 401 for answer in answers)
    with own_app.services.database.reading() as session:
        lines = TrailService(session, None).page(TrailFilter(Act.SIGN_IN_FAILED), limit=100).events
    assert len(lines) == failed


def test_wrong_keys_are_429_after_a_while_and_right_ones_always_pass(own_app: RunningApp) -> None:
    right = own_app.key(Scope.CASES_READ)
    statuses = [
        own_app.client.get("/api/v1/cases", headers={"Authorization": f"Bearer leuko_{number}"}).status_code
        for number in range(120)
    ]
    assert statuses == [401] * 100 + [429] * 20
    assert own_app.client.get("/api/v1/cases", headers=right).status_code == 200
