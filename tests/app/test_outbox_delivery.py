"""Messages on their way to real receiver processes that die, hang up, answer late, refuse or talk nonsense."""

import asyncio
import json
import random
import time
from collections import defaultdict
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from uuid import UUID

import pytest

from app.database import Database, open_database
from app.interop.hl7 import control_id
from app.interop.signatures import HEADER, verify
from app.outbox.delivery import Courier
from app.outbox.sender import Sender
from app.outbox.states import DestinationKind, MessageState
from app.sign_off.tables import SignOffKind
from tests.app.mailroom import NOON, Mailroom
from tests.app.receivers import ReceiverProcess

TRY_LIMIT_S = 1.0
LIMIT_S = 900


def fast_clock() -> Callable[[], datetime]:
    """Ten seconds a second, so that pauses are short; a hold is still longer than a try may take."""
    started = time.monotonic()
    return lambda: NOON + (time.monotonic() - started) * 10 * (datetime.resolution * 1_000_000)


def announce(mailroom: Mailroom, cases: int, messages: int) -> None:
    """As many messages for each destination, spread over the cases."""
    opened = [mailroom.case() for _ in range(cases)]
    for number in range(messages):
        mailroom.announce(opened[number % cases])


async def send_all(mailroom: Mailroom, meanwhile: Callable[[], "asyncio.Future[None]"] | None = None) -> None:
    """Two senders, as of two web processes, until nothing waits."""
    now = fast_clock()
    couriers = [Courier(now, TRY_LIMIT_S) for _ in range(2)]
    databases = [Database(open_database(mailroom.url)) for _ in couriers]
    senders = [
        Sender(database, courier, now, 0.05) for database, courier in zip(databases, couriers, strict=True)
    ]
    for sender in senders:
        sender.start()
    deadline = time.monotonic() + LIMIT_S
    while mailroom.rows(MessageState.WAITING):
        assert time.monotonic() < deadline, mailroom.rows(MessageState.WAITING)[:3]
        await (meanwhile() if meanwhile else asyncio.sleep(0.1))
    for sender, courier in zip(senders, couriers, strict=True):
        await sender.stop()
        await courier.close()
    for database in databases:
        database.engine.dispose()


def check_that_all_came_in_order(mailroom: Mailroom, receivers: list[ReceiverProcess]) -> int:
    """Each at least once, in order per case, duplicates with the same id and body; how many were duplicates."""
    rows = mailroom.rows()
    assert {row.state for row in rows} == {MessageState.SENT}
    duplicates = 0
    for receiver in receivers:
        expected = [row for row in rows if row.kind is receiver.kind]
        spelt = control_id if receiver.kind is DestinationKind.HL7 else str
        order = {spelt(row.id): (row.case_id, position) for position, row in enumerate(expected)}
        bodies: dict[str, set[str]] = defaultdict(set)
        positions: dict[UUID, list[int]] = defaultdict(list)
        for message in receiver.came():
            bodies[message["id"]].add(message["body"])
            case_id, position = order[message["id"]]
            positions[case_id].append(position)
        assert set(bodies) == set(order)
        assert {len(same) for same in bodies.values()} == {1}
        assert [found for found in positions.values() if found != sorted(found)] == []
        duplicates += len(receiver.came()) - len(order)
    return duplicates


@pytest.mark.parametrize(
    "messages",
    [pytest.param(60, marks=pytest.mark.slow), pytest.param(500, marks=pytest.mark.long)],
)
def test_no_message_is_lost_or_overtaken_while_receivers_are_killed_at_random(
    url: str, tmp_path: Path, messages: int
) -> None:
    mailroom = Mailroom(url)
    receivers = [ReceiverProcess(speech, tmp_path / speech) for speech in ("http", "mllp")]
    for receiver in receivers:
        mailroom.destination(receiver.kind, receiver.address, receiver.speech)
    announce(mailroom, 12, messages)
    chance, kills = random.Random(1), 0

    async def kill_one() -> None:
        nonlocal kills
        await asyncio.sleep(chance.uniform(0.05, 0.6))
        victim = chance.choice(receivers)
        await victim.kill()
        kills += 1
        await asyncio.sleep(chance.uniform(0, 0.5))
        await victim.start()

    async def run() -> None:
        for receiver in receivers:
            await receiver.start()
        await send_all(mailroom, kill_one)
        for receiver in receivers:
            await receiver.kill()

    asyncio.run(run())
    duplicates = check_that_all_came_in_order(mailroom, receivers)
    print(f"{2 * messages} messages, {kills} kills, {duplicates} duplicates")
    assert kills > 0


@pytest.mark.slow
def test_a_receiver_that_hangs_up_answers_late_refuses_or_talks_nonsense_gets_all_in_the_end(
    url: str, tmp_path: Path
) -> None:
    mailroom = Mailroom(url)
    receivers = [ReceiverProcess(speech, tmp_path / speech, mishaps=3) for speech in ("http", "mllp")]
    for receiver in receivers:
        mailroom.destination(receiver.kind, receiver.address, receiver.speech)
    announce(mailroom, 5, 20)

    deliver_all(mailroom, receivers)
    assert check_that_all_came_in_order(mailroom, receivers) > 0


def deliver_all(mailroom: Mailroom, receivers: list[ReceiverProcess]) -> None:
    async def run() -> None:
        for receiver in receivers:
            await receiver.start()
        await send_all(mailroom)
        for receiver in receivers:
            await receiver.kill()

    asyncio.run(run())


@pytest.fixture
def mailroom(tmp_path: Path) -> Mailroom:
    return Mailroom(f"sqlite:///{tmp_path / 'log.sqlite3'}")


def test_a_webhook_is_signed_anew_for_each_try(mailroom: Mailroom, tmp_path: Path) -> None:
    receiver = ReceiverProcess("http", tmp_path / "came")
    destination = mailroom.destination(receiver.kind, receiver.address)
    announce(mailroom, 1, 2)
    deliver_all(mailroom, [receiver])
    assert destination.secret is not None
    for message in receiver.came():
        header = message["headers"][HEADER.lower()]
        moment = int(header.split(",")[0].removeprefix("t="))
        verify(destination.secret, header, message["body"].encode(), moment)
        assert 0 <= moment - NOON.timestamp() < 3600
        assert json.loads(message["body"])["id"] == message["id"]


def test_a_fhir_server_that_takes_valid_bundles_only_takes_ours(mailroom: Mailroom, tmp_path: Path) -> None:
    receiver = ReceiverProcess("fhir", tmp_path / "came")
    mailroom.destination(receiver.kind, receiver.address, token="bear")
    case = mailroom.case()
    for kind in SignOffKind:
        mailroom.announce(case, kind)
    deliver_all(mailroom, [receiver])
    came = {message["id"]: message for message in receiver.came()}  # judging may outlast a try: duplicates
    bundles = [json.loads(message["body"]) for message in came.values()]
    assert [bundle["type"] for bundle in bundles] == ["transaction"] * 3
    reports = [
        entry["resource"]
        for bundle in bundles
        for entry in bundle["entry"]
        if entry["resource"]["resourceType"] == "DiagnosticReport"
    ]
    assert [report["status"] for report in reports] == ["preliminary", "preliminary", "entered-in-error"]
    assert len({report["id"] for report in reports}) == 1  # each updates the one before
    assert {message["headers"]["authorization"] for message in came.values()} == {"Bearer bear"}
