"""The admin pages and the audit trail with real rows behind them."""

import re
import uuid

import pytest
from starlette.testclient import TestClient

from app.accounts.permissions import Role, Scope
from tests.app.conftest import PASSWORD, RunningApp
from tests.app.test_pages import browser


@pytest.fixture
def admin(app: RunningApp) -> TestClient:
    return browser(app, Role.ADMIN)


def new_email() -> str:
    return f"p-{uuid.uuid4().hex[:8]}@lab.example"


def account_form(email: str, password: str = PASSWORD) -> dict[str, str]:
    return {"name": "New Person", "email": email, "role": "reviewer", "password": password}


def action_on(page: str, email: str, what: str) -> str:
    """The address of a form in the row of an account."""
    row = next(row for row in page.split("<tr>") if email in row)
    found = re.search(rf'action="(/admin/accounts/[^"]+/{what})"', row)
    assert found
    return found[1]


def test_an_account_is_added_and_can_sign_in(app: RunningApp, admin: TestClient) -> None:
    email = new_email()
    made = admin.post("/admin/accounts", data=account_form(email))
    assert (made.status_code, "The account is there" in made.text, email in made.text) == (200, True, True)
    stranger = TestClient(app.client.app)
    assert stranger.post("/login", data={"email": email, "password": PASSWORD}).status_code == 200


def test_a_refused_account_keeps_what_was_written_and_never_the_password(admin: TestClient) -> None:
    answer = admin.post("/admin/accounts", data=account_form(new_email(), "too short"))
    assert answer.status_code == 422
    assert 'value="New Person"' in answer.text
    assert "12 to 200 characters" in answer.text
    assert "too short" not in answer.text


def test_an_email_that_is_taken_is_a_conflict_beside_its_field(admin: TestClient) -> None:
    email = new_email()
    admin.post("/admin/accounts", data=account_form(email))
    answer = admin.post("/admin/accounts", data=account_form(email))
    assert (answer.status_code, 'id="email-error"' in answer.text) == (409, True)


def test_a_disabled_account_is_signed_out_at_once(app: RunningApp, admin: TestClient) -> None:
    email = app.person(Role.REVIEWER)
    person = TestClient(app.client.app)
    person.post("/login", data={"email": email, "password": PASSWORD})
    assert person.get("/cases", follow_redirects=False).status_code == 200
    admin.post(action_on(admin.get("/admin").text, email, "disable"))
    assert person.get("/cases", follow_redirects=False).status_code == 303


def test_a_role_is_changed_for_others_but_not_for_oneself(app: RunningApp, admin: TestClient) -> None:
    email = app.person(Role.VIEWER)
    admin.post(action_on(admin.get("/admin").text, email, "role"), data={"role": "reviewer"})
    row = next(row for row in admin.get("/admin").text.split("<tr>") if email in row)
    assert '<option value="reviewer" selected>' in row
    assert "yours: another admin changes it" in admin.get("/admin").text


def test_a_made_key_is_shown_once_and_works_until_it_is_revoked(app: RunningApp, admin: TestClient) -> None:
    name = f"gateway-{uuid.uuid4().hex[:6]}"
    made = admin.post("/admin/keys", data={"name": name, "scopes": [Scope.CASES_READ.value], "days": "30"})
    secret = re.search(r"<code>(leuko_[^<]+)</code>", made.text)
    assert (made.status_code, secret is not None) == (201, True)
    assert made.headers["cache-control"] == "no-store"
    headers = {"Authorization": f"Bearer {secret[1]}"}  # type: ignore[index]
    assert app.client.get("/api/v1/cases", headers=headers).status_code == 200
    page = admin.get("/admin/keys").text
    assert secret[1] not in page  # type: ignore[index]
    row = next(row for row in page.split("<tr>")[1:] if name in row)
    revoke = re.search(r'formaction="(/admin/keys/[^"]+/revoke)"', row)
    assert revoke
    assert "The key is revoked" in admin.post(revoke[1]).text
    assert app.client.get("/api/v1/cases", headers=headers).status_code == 401


def test_a_rotated_key_shows_its_successor_once(admin: TestClient) -> None:
    name = f"rotated-{uuid.uuid4().hex[:6]}"
    page = admin.post("/admin/keys", data={"name": name, "scopes": ["cases:read"]}).text
    row = next(row for row in page.split("<tr>")[1:] if name in row)
    rotate = re.search(r'formaction="(/admin/keys/[^"]+/rotate)"', row)
    assert rotate
    rotated = admin.post(rotate[1])
    assert (rotated.status_code, len(re.findall("leuko_", rotated.text))) == (201, 1)


@pytest.mark.parametrize("data", [{"name": "x"}, {"name": "x", "scopes": "cases:read", "days": "0"}])
def test_a_key_without_scope_or_life_is_refused_in_words(admin: TestClient, data: dict[str, str]) -> None:
    answer = admin.post("/admin/keys", data=data)
    assert (answer.status_code, "Nothing was saved" in answer.text) == (422, True)


def test_an_admin_ends_somebodys_session(app: RunningApp, admin: TestClient) -> None:
    person = browser(app)
    page = admin.get("/admin/sessions").text
    assert "This browser" in page
    for address in re.findall(r'action="(/admin/sessions/[^"]+/end)"', page):
        admin.post(address)
    assert person.get("/cases", follow_redirects=False).status_code == 303
    assert admin.get("/admin/sessions", follow_redirects=False).status_code == 200


def test_a_site_is_added_once(admin: TestClient) -> None:
    name = f"Site {uuid.uuid4().hex[:6]}"
    assert name in admin.post("/admin/sites", data={"name": name}).text
    again = admin.post("/admin/sites", data={"name": name})
    assert (again.status_code, "exists already" in again.text) == (409, True)


def test_the_trail_is_filtered_and_paged(admin: TestClient) -> None:
    admin.post("/admin/accounts", data=account_form(new_email()))
    page = admin.get("/audit", params={"act": "account.added", "since": "", "until": "", "actor": "a ad"})
    acts = re.findall(r'data-name="Act"><div><code>([^<]+)<', page.text)
    assert acts
    assert {"account.added"} == set(acts)
    assert "No line matches" in admin.get("/audit", params={"until": "2001-01-01"}).text


def test_the_export_holds_the_lines_that_match_and_is_a_line_itself(admin: TestClient) -> None:
    exported = admin.get("/audit/export", params={"act": "account.signed_in"})
    assert exported.headers["content-disposition"] == 'attachment; filename="audit.csv"'
    header, *lines = exported.text.strip().splitlines()
    assert header.startswith("number,at,")
    assert lines
    assert all("account.signed_in" in line for line in lines)
    assert "audit.exported" in admin.get("/audit").text


@pytest.mark.parametrize(
    "path", ["/admin", "/admin/keys", "/admin/sessions", "/admin/sites", "/audit", "/audit/export"]
)
def test_a_reviewer_sees_none_of_it(app: RunningApp, path: str) -> None:
    assert browser(app).get(path).status_code == 403


def dead_letter(app: RunningApp) -> None:
    """A message of this site that was given up."""
    from app.cases.service import CaseService
    from app.outbox.destinations import DestinationService
    from app.outbox.states import DestinationKind, DestinationMode, MessageState
    from app.outbox.tables import Message
    from app.sign_off.tables import SignOffKind

    who, now = app.identity(), app.services.now()
    with app.services.database.unit_of_work() as session:
        case, _ = CaseService(session, now).open_case(who, "D-1")
        address = "https://receiver.example/results"
        destination = DestinationService(session, now).add(
            who, who.site_id, "lis", DestinationKind.WEBHOOK, address
        )
        message = Message(
            id=uuid.uuid4(),
            destination_id=destination.id,
            case_id=case.id,
            number=1,
            occasion=SignOffKind.SIGN,
            mode=DestinationMode.RESEARCH,
            body=b"{}",
            body_sha256="0" * 64,
            state=MessageState.DEAD,
            attempts=12,
            next_attempt_at=now,
            problem="Connection refused.",
            created_at=now,
        )
        session.add(message)


def test_a_dead_letter_is_tried_again_by_hand(own_app: RunningApp) -> None:
    dead_letter(own_app)
    admin = browser(own_app, Role.ADMIN)
    page = admin.get("/admin/messages", params={"state": "dead"}).text
    retry = re.search(r'action="(/admin/messages/[^"]+/retry)"', page)
    assert retry
    assert "Connection refused." in page
    assert "The message is queued again" in admin.post(retry[1]).text
    with own_app.engine.connect() as connection:
        acts = connection.exec_driver_sql("SELECT count(*) FROM audit_events WHERE act = 'message.retried'")
        assert acts.scalar() == 1
