"""Signing, amending, signing again and retracting: each earlier recipient is told, with the numbers of the case."""

import json
import uuid
from collections.abc import Callable, Iterator

import pytest
import sqlalchemy as sa
from hl7apy.consts import VALIDATION_LEVEL
from hl7apy.parser import parse_message
from starlette.testclient import TestClient

from app.accounts.permissions import Identity
from app.audit.service import COMMAND_LINE
from app.clock import utc_now
from app.errors import Conflict
from app.outbox.destinations import DestinationService
from app.outbox.release import ReleaseService
from app.outbox.states import DestinationKind
from app.outbox.tables import Destination, Message
from app.reviews.tables import Verdict
from tests.app.cases import Desk
from tests.app.conftest import PASSWORD, RunningApp
from tests.app.fhir_r4 import problems
from tests.app.test_case_acts import browser

ADDRESSES = {
    DestinationKind.WEBHOOK: "http://127.0.0.1:9/results",
    DestinationKind.FHIR: "http://127.0.0.1:9/fhir",
    DestinationKind.HL7: "mllp://127.0.0.1:9",
}


@pytest.fixture
def desk(app: RunningApp) -> Desk:
    return Desk(app)


@pytest.fixture
def reader(desk: Desk) -> Identity:
    return desk.persons(1)[0]


@pytest.fixture
def names(desk: Desk, reader: Identity) -> Iterator[dict[DestinationKind, str]]:
    """A destination of each kind that is told final results; gone from use afterwards: tests share the site."""
    made = {kind: f"{kind.value}-{uuid.uuid4().hex[:8]}" for kind in DestinationKind}
    with desk.app.services.database.unit_of_work() as session:
        service = DestinationService(session, utc_now())
        for kind, name in made.items():
            service.add(COMMAND_LINE, reader.site_id, name, kind, ADDRESSES[kind])
            service.declare_final(COMMAND_LINE, reader.site_id, name, "Dr A", "We validated it.")
    yield made
    with desk.app.services.database.unit_of_work() as session:
        for name in made.values():
            DestinationService(session, utc_now()).disable(COMMAND_LINE, reader.site_id, name)
        theirs = sa.select(Destination.id).where(Destination.name.in_(made.values()))
        session.execute(sa.delete(Message).where(Message.destination_id.in_(theirs)))


def release(desk: Desk, who: Identity, case_id: uuid.UUID, act: str, *reason: str) -> None:
    version = desk.case(case_id).version
    with desk.app.services.database.unit_of_work() as session:
        getattr(ReleaseService(session, utc_now()), act)(who, case_id, *reason, version)


def told(desk: Desk, case_id: uuid.UUID, kind: DestinationKind) -> list[str]:
    """Bodies for the destination of this kind, in order."""
    with desk.app.services.database.reading() as session:
        bodies = session.scalars(
            sa.select(Message.body)
            .join(Destination, Destination.id == Message.destination_id)
            .where(Message.case_id == case_id, Destination.kind == kind)
            .order_by(Message.number)
        )
        return [body.decode() for body in bodies]


def test_sign_amend_sign_again_and_retract_reach_every_recipient(
    desk: Desk, reader: Identity, names: dict[DestinationKind, str]
) -> None:
    case_id, cells = desk.case_with_cells(reader, 0.9, 0.8, 0.1)
    desk.judge(reader, cells[0], Verdict.MALIGNANT_LYMPHOBLAST)
    release(desk, reader, case_id, "sign")
    release(desk, reader, case_id, "amend", "one verdict was missing")
    desk.judge(reader, cells[1], Verdict.NORMAL_PRECURSOR)
    release(desk, reader, case_id, "sign")
    release(desk, reader, case_id, "retract", "another patient")

    webhooks = [json.loads(body) for body in told(desk, case_id, DestinationKind.WEBHOOK)]
    assert [body["event"] for body in webhooks] == [
        "case.signed",
        "case.reopened",
        "case.signed",
        "case.retracted",
    ]
    assert [body["report"]["status"] for body in webhooks] == ["final", "preliminary", "amended", "retracted"]
    assert [body["counts"]["cells"] for body in webhooks] == [3] * 4
    assert [body["counts"]["cells.unjudged"] for body in webhooks] == [2, 2, 1, 1]

    orders = []
    for body in told(desk, case_id, DestinationKind.HL7):
        parsed = parse_message(body, VALIDATION_LEVEL.STRICT)
        parsed.validate()
        orders.append(parsed.oru_r01_patient_result.oru_r01_order_observation.obr.obr_25.to_er7())
    assert orders == ["F", "P", "C", "X"]

    bundles = [json.loads(body) for body in told(desk, case_id, DestinationKind.FHIR)]
    assert [problems(bundle) for bundle in bundles] == [[]] * 4
    statuses = [bundle["entry"][0]["resource"]["status"] for bundle in bundles]
    assert statuses == ["final", "preliminary", "amended", "entered-in-error"]


def test_what_may_not_be_signed_is_not_told(
    desk: Desk, reader: Identity, names: dict[DestinationKind, str]
) -> None:
    empty, _ = desk.case_with_cells(reader)
    with pytest.raises(Conflict):
        release(desk, reader, empty, "sign")
    assert told(desk, empty, DestinationKind.WEBHOOK) == []


def by_rest(client: TestClient, case_id: uuid.UUID, version: int) -> int:
    headers, body = {"If-Match": str(version)}, {"password": PASSWORD}
    return client.post(f"/api/v1/cases/{case_id}/sign-off", headers=headers, json=body).status_code


def by_page(client: TestClient, case_id: uuid.UUID, version: int) -> int:
    form = {"kind": "sign", "seen_version": version, "password": PASSWORD}
    return client.post(f"/cases/{case_id}/sign-off", data=form, follow_redirects=False).status_code


@pytest.mark.parametrize(("door", "status"), [(by_rest, 201), (by_page, 303)])
def test_each_door_tells_of_the_signature(
    desk: Desk,
    reader: Identity,
    names: dict[DestinationKind, str],
    door: Callable[[TestClient, uuid.UUID, int], int],
    status: int,
) -> None:
    case_id, _ = desk.case_with_cells(reader, 0.9)
    assert status == door(browser(desk.app), case_id, desk.case(case_id).version)
    assert [len(told(desk, case_id, kind)) for kind in DestinationKind] == [1, 1, 1]
