"""Accounts, sites, sessions and keys: who is let in, for how long, and what the trail says of it."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError
from starlette.testclient import TestClient

from app.accounts.keys import KeyService
from app.accounts.permissions import Identity, Role, Scope
from app.accounts.service import AccountService
from app.accounts.sessions import SessionService, identity_of
from app.accounts.tables import ApiKey, LoginSession
from app.audit.acts import Act
from app.audit.tables import AuditEvent
from app.errors import BadRequest, Conflict, NotFound
from tests.app.conftest import PASSWORD, RunningApp

NEW_PASSWORD = "another long password"


@contextmanager
def working(
    app: RunningApp, by: Identity | None = None
) -> Iterator[tuple[AccountService, KeyService, SessionService]]:
    """The three services in one unit of work."""
    with app.services.database.unit_of_work() as session:
        given = (session, app.settings.secret, app.services.now())
        who = (by,) if by else ()
        yield AccountService(*given, *who), KeyService(*given, *who), SessionService(*given)


def browser_of(app: RunningApp, email: str, password: str = PASSWORD) -> TestClient:
    browser = TestClient(app.client.app, follow_redirects=False)
    answer = browser.post("/login", data={"email": email, "password": password})
    assert answer.status_code == 303, answer.text
    return browser


def is_in(browser: TestClient) -> bool:
    return browser.get("/cases").status_code == 200


def acts_on(app: RunningApp, object_id: uuid.UUID) -> list[tuple[str, str]]:
    with app.services.database.reading() as session:
        events = session.scalars(
            sa.select(AuditEvent).where(AuditEvent.object_id == str(object_id)).order_by(AuditEvent.number)
        )
        return [(event.act, event.actor) for event in events]


def user_id(app: RunningApp, email: str) -> uuid.UUID:
    with app.services.database.reading() as session:
        return AccountService(session, app.settings.secret, app.services.now()).user_by_email(email).id


# --- sessions ---


def test_signing_in_again_gives_a_new_session_and_ends_the_one_the_browser_came_with(app: RunningApp) -> None:
    email = app.person(Role.VIEWER)
    browser = browser_of(app, email)
    planted = browser.cookies["leukolens_session"]
    browser.post("/login", data={"email": email, "password": PASSWORD})
    assert browser.cookies["leukolens_session"] != planted
    assert is_in(browser)
    thief = TestClient(app.client.app, follow_redirects=False, cookies={"leukolens_session": planted})
    assert not is_in(thief)


def test_a_cookie_that_a_stranger_made_up_is_nobody_s(app: RunningApp) -> None:
    thief = TestClient(app.client.app, follow_redirects=False, cookies={"leukolens_session": "A" * 43})
    assert not is_in(thief)


@pytest.mark.parametrize("change", ["role", "password", "disabled"])
def test_a_changed_account_is_signed_out_everywhere_with_the_next_request(
    app: RunningApp, change: str
) -> None:
    email = app.person(Role.REVIEWER)
    browsers = [browser_of(app, email) for _ in range(2)]
    with working(app) as (accounts, _, _):
        user = accounts.user_by_email(email)
        if change == "role":
            accounts.set_role(user, Role.VIEWER)
        elif change == "password":
            accounts.set_password(user, NEW_PASSWORD)
        else:
            accounts.disable(user)
    assert not any(is_in(browser) for browser in browsers)


def test_a_clock_set_back_ends_sessions_rather_than_extend_them(app: RunningApp) -> None:
    browser = browser_of(app, app.person(Role.VIEWER))
    with app.engine.begin() as connection:
        ahead = app.services.now() + timedelta(hours=1)
        connection.execute(sa.update(LoginSession).values(last_seen_at=ahead))
    assert not is_in(browser)


def test_another_secret_key_ends_every_session_and_key(app: RunningApp) -> None:
    with working(app) as (accounts, keys, sessions):
        token = sessions.open(accounts.user_by_email(app_person(accounts)).id)
        _, key = keys.create(accounts.site(), "lis", [Scope.CASES_READ])
    with app.services.database.reading() as session:
        assert SessionService(session, b"another secret", app.services.now()).identify(token) is None
        assert KeyService(session, b"another secret", app.services.now()).identify(key) is None


def app_person(accounts: AccountService) -> str:
    email = f"{uuid.uuid4().hex}@lab.example"
    return accounts.add_user(email, "A person", PASSWORD, Role.VIEWER).email


def test_a_person_sees_and_ends_own_sessions_and_nobody_else_s(app: RunningApp) -> None:
    email = app.person(Role.VIEWER)
    here, lost = browser_of(app, email), browser_of(app, email)
    other = browser_of(app, app.person(Role.VIEWER))
    with working(app) as (_, _, sessions):
        logins = sessions.of_user(user_id(app, email))
        lost_id = next(
            login.id for login in logins if sessions.holds(lost.cookies["leukolens_session"], login)
        )
    assert str(lost_id) in here.get("/account").text
    assert str(lost_id) not in other.get("/account").text
    assert other.post(f"/account/sessions/{lost_id}/end").status_code == 404
    assert is_in(lost)
    assert here.post(f"/account/sessions/{lost_id}/end").status_code == 303
    assert (is_in(here), is_in(lost)) == (True, False)


def test_a_person_changes_the_password_and_stays_in_here_alone(app: RunningApp) -> None:
    email = app.person(Role.REVIEWER)
    here, elsewhere = browser_of(app, email), browser_of(app, email)
    wrong = here.post("/account/password", data={"password": "not it at all", "new_password": NEW_PASSWORD})
    assert (wrong.status_code, "This is not your password" in wrong.text) == (422, True)
    short = here.post("/account/password", data={"password": PASSWORD, "new_password": "short"})
    assert (short.status_code, "12 to 200 characters" in short.text) == (422, True)
    done = here.post("/account/password", data={"password": PASSWORD, "new_password": NEW_PASSWORD})
    assert (done.status_code, done.headers["location"]) == (303, "/account")
    assert (is_in(here), is_in(elsewhere)) == (True, False)
    browser_of(app, email, NEW_PASSWORD)


# --- sites ---


def test_an_account_or_session_of_another_site_is_as_if_it_were_not_there(app: RunningApp) -> None:
    with working(app) as (accounts, _, sessions):
        foreign_site = accounts.add_site(f"lab {uuid.uuid4().hex[:8]}")
        foreigner = accounts.add_user(
            f"{uuid.uuid4().hex}@b.example", "B", PASSWORD, Role.VIEWER, foreign_site
        )
        sessions.open(foreigner.id)
        admin = identity_of(accounts.user_by_email(app_person(accounts)))
    with working(app, admin) as (accounts, _, sessions):
        assert foreigner.id not in {user.id for user in accounts.users(admin.site_id)}
        assert foreigner.id not in {user.id for _, user in sessions.of_site(admin)}
        with pytest.raises(NotFound):
            accounts.colleague(admin, foreigner.id)
        with pytest.raises(NotFound):
            sessions.end_at_site(admin, sessions.of_user(foreigner.id)[0].id)


def test_no_admin_can_lock_or_demote_the_own_account_so_one_is_always_left(app: RunningApp) -> None:
    with working(app) as (accounts, _, _):
        admin = accounts.user_by_email(app_person(accounts))
    with working(app, identity_of(admin)) as (accounts, _, _):
        with pytest.raises(Conflict):
            accounts.disable(admin)
        with pytest.raises(Conflict):
            accounts.set_role(admin, Role.VIEWER)


def test_a_site_has_one_name_and_an_unknown_one_is_not_made_by_accident(app: RunningApp) -> None:
    name = f"lab {uuid.uuid4().hex[:8]}"
    with working(app) as (accounts, _, _):
        site = accounts.add_site(name)
        assert accounts.site(name).id == site.id
        with pytest.raises(Conflict):
            accounts.add_site(name)
        with pytest.raises(NotFound):
            accounts.site("no such laboratory")


# --- keys ---


def test_a_key_ends_with_its_last_day(app: RunningApp) -> None:
    with working(app) as (accounts, keys, _):
        key, token = keys.create(accounts.site(), "lis", [Scope.CASES_READ], timedelta(days=1))
    headers = {"Authorization": f"Bearer {token}"}
    assert app.client.get("/api/v1/cases", headers=headers).status_code == 200
    with app.engine.begin() as connection:
        connection.execute(sa.update(ApiKey).where(ApiKey.id == key.id).values(expires_at=app.services.now()))
    assert app.client.get("/api/v1/cases", headers=headers).status_code == 401


def test_a_rotated_key_and_its_successor_both_work_until_the_overlap_ends(app: RunningApp) -> None:
    with working(app) as (accounts, keys, _):
        old, old_token = keys.create(accounts.site(), "lis", [Scope.CASES_WRITE, Scope.CASES_READ])
        new, new_token = keys.rotate(old, timedelta(days=7))
    for token in (old_token, new_token):
        answer = app.client.get("/api/v1/cases", headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == 200
    assert (new.scopes, new.site_id, new.name) == (old.scopes, old.site_id, old.name)
    later = app.services.now() + timedelta(days=7, seconds=1)
    with app.services.database.reading() as session:
        keys = KeyService(session, app.settings.secret, later)
        assert keys.identify(old_token) is None
        assert keys.identify(new_token) is not None


def test_a_key_says_when_it_was_last_used(app: RunningApp) -> None:
    with working(app) as (accounts, keys, _):
        key, token = keys.create(accounts.site(), "lis", [Scope.CASES_READ])
    assert key.last_used_at is None
    app.client.get("/api/v1/cases", headers={"Authorization": f"Bearer {token}"})
    with working(app) as (_, keys, _):
        assert keys.key(key.id).last_used_at is not None


@pytest.mark.parametrize(
    ("name", "scopes", "days"),
    [
        ("lis", [], None),
        ("", [Scope.CASES_READ], None),
        ("a\nb", [Scope.CASES_READ], None),
        ("lis", [Scope.CASES_READ], 0),
    ],
)
def test_a_key_needs_a_name_a_scope_and_a_sensible_end(
    app: RunningApp, name: str, scopes: list[Scope], days: int | None
) -> None:
    with working(app) as (accounts, keys, _), pytest.raises(BadRequest):
        keys.create(accounts.site(), name, scopes, None if days is None else timedelta(days=days))


def test_no_key_has_an_account_of_its_own(app: RunningApp) -> None:
    headers = app.key(*Scope)
    assert app.client.get("/account", headers=headers).status_code == 403


# --- the trail ---


def test_signing_in_failing_and_signing_out_leave_a_line_each(app: RunningApp) -> None:
    email = app.person(Role.VIEWER)
    browser = browser_of(app, email)
    browser.post("/logout")
    TestClient(app.client.app).post("/login", data={"email": email, "password": "not the password"})
    assert acts_on(app, user_id(app, email)) == [
        (Act.ACCOUNT_ADDED, "server"),
        (Act.SIGNED_IN, "A viewer"),
        (Act.SIGNED_OUT, "A viewer"),
        (Act.SIGN_IN_FAILED, "stranger"),
    ]


def test_the_trail_names_who_changed_an_account_or_key_and_keeps_no_address_or_secret(
    app: RunningApp,
) -> None:
    with working(app) as (accounts, _, _):
        admin = identity_of(accounts.user_by_email(app_person(accounts)))
    with working(app, admin) as (accounts, keys, _):
        user = accounts.user_by_email(app_person(accounts))
        accounts.set_role(user, Role.REVIEWER)
        accounts.set_password(user, NEW_PASSWORD)
        accounts.disable(user)
        key, token = keys.create(accounts.site(), "lis", [Scope.CASES_READ])
        keys.rotate(key, timedelta(0))
        keys.revoke(key)
    assert [act for act, _ in acts_on(app, user.id)] == [
        Act.ACCOUNT_ADDED,
        Act.ACCOUNT_CHANGED,
        Act.ACCOUNT_CHANGED,
        Act.ACCOUNT_DISABLED,
    ]
    assert [act for act, _ in acts_on(app, key.id)] == [Act.KEY_CREATED, Act.KEY_ROTATED, Act.KEY_REVOKED]
    with app.engine.connect() as connection:
        written = str(connection.execute(sa.text("SELECT details, object_id FROM audit_events")).all())
    assert not any(secret in written for secret in (user.email, token, NEW_PASSWORD))


@pytest.mark.parametrize("change", ["UPDATE audit_events SET actor = 'nobody'", "DELETE FROM audit_events"])
def test_the_database_itself_refuses_to_change_a_line(app: RunningApp, change: str) -> None:
    with pytest.raises(DBAPIError, match="only added to"), app.engine.begin() as connection:
        connection.execute(sa.text(change))
