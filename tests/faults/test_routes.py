"""Every route, role, site and method: what each may ask for is a table that a person keeps, and the app is held to it.

`routes.csv`: one row for each method of each path. `yes` lets an asker through, to whatever answer; `login` sends to the
sign-in page; a number is the refusal. `foreign` is the answer for another site's object; empty where the path names none.
"""

import csv
import hashlib
import io
import json
import re
import uuid
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

import httpx2
import pytest
from starlette.routing import Mount
from starlette.testclient import TestClient

from app.accounts.keys import KeyService
from app.accounts.permissions import Role, Scope
from app.accounts.service import AccountService
from app.accounts.sessions import SessionService
from app.accounts.tables import Site, User
from app.outbox.repository import OutboxRepository
from app.outbox.states import DestinationKind, DestinationMode, MessageState
from app.outbox.tables import Destination, Message
from app.sign_off.tables import SignOffKind
from tests.app.conftest import PASSWORD, RunningApp, app, png_of  # noqa: F401 - `app` is a fixture

TABLE = Path(__file__).with_name("routes.csv")
MOUNTS = {"/static"}
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
PERSONS = tuple(Role)
SYSTEMS = tuple(Scope)
MISSING = uuid.UUID(int=0)
NAMES_SITES = ("GET", "/admin/sites")
"""Shows admins the names of all sites, so that a new one gets another name; nothing else of them."""

PICTURE = ("cell.png", png_of(1), "image/png")
VERDICT = {"verdict": "uncertain"}


def zip_of(name: str, content: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(name, content)
    return file.getvalue()


ZIP = zip_of("cell.png", png_of(1))
SIGNING = {"headers": {"If-Match": "1"}}
REASONED = {"json": {"password": PASSWORD, "reason": "misread"}}
CONTENTS: dict[tuple[str, str], dict[str, Any]] = {
    ("POST", "/api/v1/cases/{case_id}/cells"): {"files": [("images", PICTURE)]},
    ("POST", "/api/v1/cases/{case_id}/archive"): {
        "files": {"archive": ("cells.zip", ZIP, "application/zip")}
    },
    ("POST", "/api/v1/cells/{cell_id}/reviews"): {"json": VERDICT},
    ("POST", "/api/v1/cells/{cell_id}/reviews/withdraw"): {"json": {}},
    ("POST", "/api/v1/cells/{cell_id}/void"): {"json": {"reason": "another patient's"}},
    ("POST", "/api/v1/cases/{case_id}/reviews"): {"json": VERDICT | {"cells": [{"cell_id": "{cell_id}"}]}},
    ("POST", "/api/v1/cases/{case_id}/reuse"): {"json": {"reuse": "none", "basis": "asked"}},
    ("POST", "/api/v1/cases/{case_id}/sign-off"): SIGNING | {"json": {"password": PASSWORD}},
    ("POST", "/api/v1/cases/{case_id}/amend"): SIGNING | REASONED,
    ("POST", "/api/v1/cases/{case_id}/retract"): SIGNING | REASONED,
    ("PATCH", "/api/v1/cases/{case_id}"): SIGNING | {"json": {}},
    ("POST", "/cells/{cell_id}/verdict"): {"data": VERDICT | {"seen_version": "0"}},
    ("POST", "/cases/{case_id}/verdicts"): {"data": VERDICT | {"cell": "{cell_id}:0"}},
    ("POST", "/cases/{case_id}/undo"): {"data": {"cell": "{cell_id}:0"}},
    ("POST", "/cases/{case_id}/details"): {"data": {"seen_version": "1"}},
    ("POST", "/cases/{case_id}/reuse"): {"data": {"reuse": "none", "basis": "asked", "seen_version": "1"}},
    ("POST", "/cases/{case_id}/sign-off"): {
        "data": {"kind": "sign", "password": PASSWORD, "seen_version": "1"}
    },
    ("POST", "/cells/{cell_id}/void"): {"data": {"reason": "another patient's"}},
    ("POST", "/admin/accounts/{user_id}/role"): {"data": {"role": "viewer"}},
    ("GET", "/cases/{case_id}/news"): {"params": {"asked": "2026-01-01T00:00:00Z", "version": "0"}},
}
"""What a request must carry so that it is refused for its object alone and not for its form."""


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    method: str
    path: str
    stranger: str
    askers: dict[str, str]
    foreign: str

    @property
    def key(self) -> tuple[str, str]:
        return self.method, self.path


@cache
def table() -> tuple[Row, ...]:
    with TABLE.open(newline="", encoding="utf-8") as file:
        return tuple(
            Row(
                row.pop("method"),
                row.pop("path"),
                row.pop("stranger"),
                foreign=row.pop("foreign"),
                askers=row,
            )
            for row in csv.DictReader(file)
        )


def declared(routes: Iterable[Any]) -> Iterator[tuple[str, str]]:
    """Every method of every path the app answers to, static files apart."""
    for route in routes:
        if isinstance(route, Mount):
            assert route.path in MOUNTS, route.path
        elif hasattr(route, "original_router"):
            yield from declared(route.original_router.routes)
        else:
            yield from ((method, route.path) for method in route.methods)


def address(path: str, objects: dict[str, uuid.UUID]) -> str:
    """A path with its names filled in; what names no object of a site becomes `x`."""
    return re.sub(r"\{(\w+)(:path)?\}", lambda name: str(objects.get(name[1], "x")), path)


def contents(row: Row, objects: dict[str, uuid.UUID]) -> dict[str, Any]:
    """What a request carries, the names of objects in its form or JSON filled in."""
    carried = dict(CONTENTS.get(row.key, {}))
    for part in {"data", "json"} & set(carried):
        carried[part] = json.loads(address(json.dumps(carried[part]), objects))
    return carried


@dataclass
class Lab:
    """One site with a person of each role, a key of each scope, and one of every kind of object."""

    app: RunningApp
    site: Site
    people: dict[Role, User]
    keys: dict[Scope, str]
    objects: dict[str, uuid.UUID] = field(default_factory=dict)

    def ask(self, asker: str, row: Row, objects: dict[str, uuid.UUID]) -> httpx2.Response:
        """A request in a session of its own: signing out or a new password ends no other one."""
        client = TestClient(self.app.client.app, follow_redirects=False)
        if asker in SYSTEMS:
            client.headers["Authorization"] = f"Bearer {self.keys[Scope(asker)]}"
        else:
            client.cookies.set("leukolens_session", self._session(Role(asker)))
        return client.request(row.method, address(row.path, objects), **contents(row, objects))

    def with_open_session(self) -> dict[str, uuid.UUID]:
        """The objects, with a session of the reviewer that nobody has ended yet."""
        self._session(Role.REVIEWER)
        services = self.app.services
        with services.database.reading() as session:
            sessions = SessionService(session, services.settings.secret, services.now())
            newest = sessions.of_user(self.people[Role.REVIEWER].id)[0]
        return self.objects | {"session_id": newest.id}

    def _session(self, role: Role) -> str:
        services = self.app.services
        with services.database.unit_of_work() as session:
            sessions = SessionService(session, services.settings.secret, services.now())
            return sessions.open(self.people[role].id)


def make_lab(app: RunningApp, name: str) -> Lab:  # noqa: F811 - the fixture's value
    services = app.services
    with services.database.unit_of_work() as session:
        given = (session, services.settings.secret, services.now())
        accounts, keys = AccountService(*given), KeyService(*given)
        site = accounts.add_site(name)

        def person(role: Role) -> User:
            email = f"{name}-{uuid.uuid4().hex[:6]}@lab.example"
            return accounts.add_user(email, f"{name} {role}", PASSWORD, role, site)

        people = {role: person(role) for role in PERSONS}
        tokens = {scope: keys.create(site, f"{name} {scope}", [scope])[1] for scope in SYSTEMS}
        spare_key, everything = keys.create(site, f"{name} spare", list(Scope))
        clerk = person(Role.VIEWER)
    lab = Lab(app, site, people, tokens)
    headers = {"Authorization": f"Bearer {everything}"}
    taken = app.client.post(
        "/api/v1/predictions", headers=headers, files={"image": PICTURE}, data={"accession": name}
    ).json()
    lab.objects = {
        "case_id": uuid.UUID(taken["case_id"]),
        "cell_id": uuid.UUID(taken["cell_id"]),
        "user_id": clerk.id,
        "key_id": spare_key.id,
    }
    lab.objects["message_id"] = add_dead_letter(lab)
    lab.objects = lab.with_open_session()
    return lab


def add_dead_letter(lab: Lab) -> uuid.UUID:
    services, case_id = lab.app.services, lab.objects["case_id"]
    now = services.now()
    with services.database.unit_of_work() as session:
        outbox = OutboxRepository(session)
        destination = Destination(
            id=uuid.uuid4(),
            site_id=lab.site.id,
            name=f"{lab.site.name} receiver",
            kind=DestinationKind.WEBHOOK,
            address="http://127.0.0.1:9/",
            mode=DestinationMode.OFF,
            created_at=now,
            free_at=now + timedelta(days=1),
            failures=0,
        )
        outbox.add(destination)
        message = Message(
            id=uuid.uuid4(),
            destination_id=destination.id,
            case_id=case_id,
            number=1,
            occasion=SignOffKind.SIGN,
            mode=DestinationMode.RESEARCH,
            body=b"{}",
            body_sha256=hashlib.sha256(b"{}").hexdigest(),
            state=MessageState.DEAD,
            attempts=1,
            next_attempt_at=now,
            created_at=now,
        )
        outbox.add(message)
        return message.id


@pytest.fixture(scope="module")
def labs(app: RunningApp) -> tuple[Lab, Lab]:  # noqa: F811 - the fixture's value
    """The own site and a foreign one."""
    mark = uuid.uuid4().hex[:6]
    return make_lab(app, f"own-{mark}"), make_lab(app, f"foreign-{mark}")


def test_every_route_is_in_the_table_and_every_row_is_a_route(app: RunningApp) -> None:  # noqa: F811
    routes = set(declared(app.client.app.routes))  # type: ignore[attr-defined]
    assert len(routes) > 30
    assert {row.key for row in table()} == routes, f"Say in {TABLE} who may call it."


def test_a_method_that_no_row_names_is_405_for_everybody(labs: tuple[Lab, Lab]) -> None:
    own, _ = labs
    known = {row.key for row in table()}
    paths = {path for _, path in known}
    undeclared = [(method, path) for path in paths for method in METHODS if (method, path) not in known]
    assert len(undeclared) > 100
    stranger = TestClient(own.app.client.app, follow_redirects=False)
    answers = {
        (method, path): stranger.request(method, address(path, {})).status_code for method, path in undeclared
    }
    assert {key: status for key, status in answers.items() if status != 405} == {}


def test_a_stranger_gets_what_the_table_says(labs: tuple[Lab, Lab]) -> None:
    own, _ = labs
    stranger = TestClient(own.app.client.app, follow_redirects=False)
    for row in table():
        answer = stranger.request(row.method, address(row.path, own.objects), **contents(row, own.objects))
        if row.stranger == "login":
            assert answer.status_code == 303, row.key
            assert answer.headers["location"].startswith("/login?next=")
        elif row.stranger == "yes":
            assert answer.status_code not in (401, 403), row.key
        else:
            assert answer.status_code == int(row.stranger), row.key


@pytest.mark.parametrize("asker", [*PERSONS, *SYSTEMS])
def test_a_role_or_scope_gets_what_the_table_says(labs: tuple[Lab, Lab], asker: str) -> None:
    own, _ = labs
    missing = dict.fromkeys(own.objects, MISSING)
    wrong = {}
    for row in table():
        status = own.ask(asker, row, missing).status_code
        expected = row.askers[asker]
        fits = status not in (401, 403) and status < 500 if expected == "yes" else status == int(expected)
        if not fits:
            wrong[row.key] = (expected, status)
    assert wrong == {}


@pytest.mark.parametrize("asker", [*PERSONS, *SYSTEMS])
def test_another_sites_object_answers_exactly_like_a_missing_one(labs: tuple[Lab, Lab], asker: str) -> None:
    own, foreign = labs
    for row in table():
        if not row.foreign or row.askers[asker] != "yes":
            continue
        there = own.ask(asker, row, foreign.objects)
        nowhere = own.ask(asker, row, dict.fromkeys(foreign.objects, MISSING))
        assert there.status_code == nowhere.status_code == int(row.foreign), (row.key, there.text)
        assert without_ids(there.text, foreign) == without_ids(nowhere.text, foreign), row.key


def test_the_same_requests_find_the_object_at_its_own_site(labs: tuple[Lab, Lab]) -> None:
    """Otherwise the test before would pass on an app that finds nothing at all."""
    _, foreign = labs
    rows = [row for row in table() if row.foreign]
    assert len(rows) >= 12
    for row in rows:
        asker = next(role for role in (Role.REVIEWER, Role.ADMIN) if row.askers[role] == "yes")
        answer = foreign.ask(asker, row, foreign.with_open_session())
        assert answer.status_code not in (401, 403, 404), (row.key, answer.text)
        assert answer.status_code < 500, row.key


@pytest.mark.parametrize("asker", [*PERSONS, *SYSTEMS])
def test_no_list_count_or_page_shows_anything_of_another_site(labs: tuple[Lab, Lab], asker: str) -> None:
    own, foreign = labs
    marks = [foreign.site.name, *(str(value) for value in foreign.objects.values())]
    for row in table():
        if row.method == "GET" and not row.foreign and row.askers[asker] == "yes":
            answer = own.ask(asker, row, {})
            shown = [mark for mark in marks if mark in answer.text]
            assert shown == ([foreign.site.name] if row.key == NAMES_SITES else []), row.key


def test_a_search_for_another_sites_accession_finds_and_counts_nothing(labs: tuple[Lab, Lab]) -> None:
    own, foreign = labs
    headers = {"Authorization": f"Bearer {own.keys[Scope.CASES_READ]}"}
    for search in (foreign.site.name, foreign.site.name[:7]):
        found = own.app.client.get("/api/v1/cases", params={"search": search}, headers=headers).json()
        assert found["cases"] == []
    own_found = own.app.client.get("/api/v1/cases", params={"search": own.site.name}, headers=headers).json()
    assert len(own_found["cases"]) == 1


def without_ids(text: str, lab: Lab) -> str:
    ids = [str(value) for value in (*lab.objects.values(), MISSING)]
    for shown in (*ids, *(each[:8] for each in ids)):
        text = text.replace(shown, "ID")
    return text
