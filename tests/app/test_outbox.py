"""The outbox in the database: who is told, in which order, by one sender at a time, and what is given up."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import sqlalchemy as sa

from app.audit.acts import Act
from app.audit.service import COMMAND_LINE
from app.audit.tables import AuditEvent
from app.errors import BadRequest, Conflict, LeukolensError
from app.outbox.addresses import check_address
from app.outbox.backoff import (
    FIRST_PAUSE,
    LONGEST_PAUSE,
    LONGEST_REST,
    REFUSED_LIMIT,
    UNANSWERED_LIMIT,
    pause_after,
)
from app.outbox.destinations import DestinationService
from app.outbox.repository import Parcel
from app.outbox.service import HOLD, OutboxService
from app.outbox.states import DestinationKind, MessageState
from app.outbox.tables import Message
from app.sign_off.tables import SignOffKind
from tests.app.mailroom import Mailroom


@pytest.fixture
def mailroom(url: str) -> Mailroom:
    """Once on SQLite and once on PostgreSQL."""
    return Mailroom(url)


def taken(mailroom: Mailroom) -> Parcel:
    parcel = mailroom.take()
    assert parcel is not None
    return parcel


# --- who is told ---


def test_without_destinations_nobody_is_told(mailroom: Mailroom) -> None:
    assert mailroom.announce(mailroom.case()) == 0


def test_an_act_that_is_rolled_back_leaves_no_message(mailroom: Mailroom) -> None:
    mailroom.destination()
    case = mailroom.case()
    with mailroom.database.unit_of_work() as session:
        assert mailroom.act(session, case, SignOffKind.SIGN) == 1
        session.rollback()
    assert mailroom.rows() == []


def test_a_retraction_reaches_every_earlier_recipient_and_only_them(mailroom: Mailroom) -> None:
    for name in ("stays-on", "switched-off"):
        mailroom.destination(name=name)
    case, other = mailroom.case(), mailroom.case()
    mailroom.announce(case)
    with mailroom.database.unit_of_work() as session:
        destinations = DestinationService(session, mailroom.now)
        destinations.disable(COMMAND_LINE, mailroom.who.site_id, "switched-off")
    mailroom.destination(name="came-later")
    mailroom.announce(other)
    for kind in (SignOffKind.AMEND, SignOffKind.SIGN, SignOffKind.RETRACT):
        mailroom.announce(case, kind)
    told = {(row.destination, row.occasion) for row in mailroom.rows() if row.case_id == case.id}
    sign, amend, retract = SignOffKind.SIGN, SignOffKind.AMEND, SignOffKind.RETRACT
    assert told == {
        *(("stays-on", kind) for kind in SignOffKind),
        *(("switched-off", kind) for kind in SignOffKind),
        ("came-later", sign),
        ("came-later", retract),
    }
    assert {row.destination for row in mailroom.rows() if row.case_id == other.id} == {
        "stays-on",
        "came-later",
    }
    assert amend not in {row.occasion for row in mailroom.rows() if row.destination == "came-later"}
    assert retract in {row.occasion for row in mailroom.rows() if row.destination == "switched-off"}


def test_a_signed_result_is_preliminary_until_the_site_declares_it_final(mailroom: Mailroom) -> None:
    mailroom.destination(DestinationKind.HL7, "mllp://localhost:9")
    case = mailroom.case()
    mailroom.announce(case)
    with mailroom.database.unit_of_work() as session:
        destinations = DestinationService(session, mailroom.now)
        destinations.declare_final(COMMAND_LINE, mailroom.who.site_id, "lis", "Dr A", "We validated it.")
    mailroom.announce(case)
    mailroom.announce(case, SignOffKind.RETRACT)
    statuses = [
        {line.split("|")[11] for line in body.split("\r") if line.startswith("OBX")}
        for body in mailroom.bodies(case)
    ]
    assert statuses == [{"P"}, {"F"}, {"W"}]
    with mailroom.database.reading() as session:
        standing = DestinationService(session, mailroom.now).standings(mailroom.who.site_id)[0]
    assert (standing.destination.mode, standing.declared_by, standing.waiting) == ("final", "Dr A", 3)


@pytest.mark.parametrize(
    ("kind", "address"),
    [
        (DestinationKind.WEBHOOK, "ftp://lab.example/"),
        (DestinationKind.WEBHOOK, "https://user:word@lab.example/"),
        (DestinationKind.WEBHOOK, "https://lab.example/?to=x"),
        (DestinationKind.FHIR, "https:///fhir"),
        (DestinationKind.HL7, "mllp://lab.example"),
        (DestinationKind.HL7, "http://lab.example:2575"),
        (DestinationKind.HL7, "mllp://lab.example:99999"),
    ],
)
def test_an_address_of_another_form_is_refused(kind: DestinationKind, address: str) -> None:
    with pytest.raises(BadRequest, match="Expected the address"):
        check_address(kind, address)


# --- in which order, by one sender at a time ---


def test_messages_of_a_case_are_sent_in_order_and_those_of_other_cases_do_not_wait(
    mailroom: Mailroom,
) -> None:
    mailroom.destination()
    first, second = mailroom.case(), mailroom.case()
    for case in (first, first, second):
        mailroom.announce(case)
    parcel = taken(mailroom)
    assert (parcel.message.case_id, parcel.message.number) == (first.id, 1)
    mailroom.failed(parcel, refused=True)
    mailroom.now += timedelta(seconds=0.5)
    parcel = taken(mailroom)
    assert parcel.message.case_id == second.id
    mailroom.sent(parcel)
    assert mailroom.take() is None  # the second of the first case waits for the one that rests
    mailroom.now += FIRST_PAUSE
    for number in (1, 2):
        parcel = taken(mailroom)
        assert parcel.message.number == number
        mailroom.sent(parcel)


def test_a_destination_has_one_sender_until_its_hold_ends(mailroom: Mailroom) -> None:
    mailroom.destination()
    for _ in range(2):
        mailroom.announce(mailroom.case())
    slow = taken(mailroom)
    assert mailroom.take() is None
    mailroom.now += HOLD
    again = taken(mailroom)
    assert again.message.id == slow.message.id
    mailroom.sent(slow)  # too late: it is somebody else's now
    assert mailroom.rows(MessageState.SENT) == []
    mailroom.sent(again)
    assert [row.id for row in mailroom.rows(MessageState.SENT)] == [again.message.id]


def test_many_takers_at_once_never_get_the_same_destination(mailroom: Mailroom) -> None:
    for number in range(10):
        mailroom.destination(name=f"d{number}")
    for _ in range(3):
        mailroom.announce(mailroom.case())
    with ThreadPoolExecutor(8) as threads:
        parcels = list(threads.map(lambda _: mailroom.take(), range(40)))
    parcels += iter(mailroom.take, None)  # what nobody got while the others looked
    counts = Counter(parcel.destination.name for parcel in parcels if parcel)
    assert counts == Counter(f"d{number}" for number in range(10))


# --- what is given up ---


def fail_until_dead(mailroom: Mailroom, *, refused: bool) -> int:
    """How many tries it took."""
    tries = 0
    while mailroom.rows(MessageState.WAITING):
        parcel = mailroom.take()
        if parcel is None:
            mailroom.now += LONGEST_PAUSE
            continue
        mailroom.failed(parcel, refused=refused)
        tries += 1
    return tries


@pytest.mark.parametrize(
    ("refused", "limit"),
    [(True, REFUSED_LIMIT), pytest.param(False, UNANSWERED_LIMIT, marks=pytest.mark.slow)],
)
def test_a_message_is_given_up_after_its_limit_and_retried_by_hand(
    mailroom: Mailroom, refused: bool, limit: int
) -> None:
    mailroom.destination()
    mailroom.announce(mailroom.case())
    assert fail_until_dead(mailroom, refused=refused) == limit
    dead = mailroom.rows(MessageState.DEAD)[0]
    assert (dead.attempts, dead.problem, dead.destination) == (limit, "no answer", "lis")
    mailroom.now += LONGEST_PAUSE
    mailroom.retry(dead.id)
    parcel = taken(mailroom)
    assert parcel.message.id == dead.id
    mailroom.sent(parcel)
    with pytest.raises(Conflict, match="only a dead one"):
        mailroom.retry(dead.id)
    with mailroom.database.reading() as session:
        acts = list(session.scalars(sa.select(AuditEvent.act).order_by(AuditEvent.number)))
    assert acts[-3:] == [Act.MESSAGE_DEAD, Act.MESSAGE_RETRIED, Act.MESSAGE_SENT]


def test_a_dead_letter_lets_newer_ones_pass_and_never_follows_them(mailroom: Mailroom) -> None:
    mailroom.destination()
    case = mailroom.case()
    mailroom.announce(case)
    fail_until_dead(mailroom, refused=True)
    dead = mailroom.rows(MessageState.DEAD)[0]
    mailroom.announce(case, SignOffKind.RETRACT)
    mailroom.failed(taken(mailroom))
    with pytest.raises(Conflict, match="newer message"):
        mailroom.retry(dead.id)


def test_a_silent_destination_rests_and_a_refusing_one_does_not(mailroom: Mailroom) -> None:
    mailroom.destination()
    for _ in range(3):
        mailroom.announce(mailroom.case())
    mailroom.failed(taken(mailroom), refused=True)
    mailroom.failed(taken(mailroom))
    assert mailroom.take() is None
    mailroom.now += FIRST_PAUSE
    assert mailroom.take() is not None


def test_another_site_sees_and_retries_nothing(mailroom: Mailroom) -> None:
    mailroom.destination()
    mailroom.announce(mailroom.case())
    message = mailroom.rows()[0]
    other = mailroom.who.id  # the id of no site
    with mailroom.database.unit_of_work() as session:
        outbox = OutboxService(session, mailroom.now)
        assert outbox.rows(other, MessageState) == []
        with pytest.raises(LeukolensError, match="There is no message"):
            outbox.retry(mailroom.who, other, message.id)


def test_a_message_that_is_erased_from_under_its_sender_stays_gone(mailroom: Mailroom) -> None:
    mailroom.destination()
    case, other = mailroom.case(), mailroom.case()
    for each in (case, case, other):
        mailroom.announce(each)
    parcel = taken(mailroom)
    with mailroom.database.unit_of_work() as session:
        session.execute(sa.delete(Message).where(Message.case_id == case.id))
    mailroom.sent(parcel)
    assert [row.case_id for row in mailroom.rows()] == [other.id]


def test_pauses_double_up_to_an_hour_and_come_apart() -> None:
    assert [pause_after(tries, 0) / FIRST_PAUSE for tries in (1, 2, 3)] == [1, 2, 4]
    assert pause_after(10_000, 0) == LONGEST_PAUSE
    assert pause_after(10_000, 0, LONGEST_REST) == LONGEST_REST
    assert pause_after(3, 1) == pause_after(3, 0) / 2
