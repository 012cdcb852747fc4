"""HL7 ORU^R01: read back strictly by hl7apy, with the numbers and the status of the record."""

from collections import Counter
from datetime import UTC, datetime
from uuid import UUID

import pytest
from hl7apy.consts import VALIDATION_LEVEL
from hl7apy.core import Message, Segment
from hl7apy.parser import parse_message

from app.interop.hl7 import oru_r01
from app.notice import INTENDED_USE
from app.reports.case_record import CaseRecord, ReportStatus
from tests.app.case_records import record_by_chance

MESSAGE_ID = UUID("01900000-1111-7222-8333-444455556666")
SENT_AT = datetime(2026, 3, 1, 13, 0, tzinfo=UTC)


def parsed(record: CaseRecord) -> Message:
    message = parse_message(oru_r01(record, MESSAGE_ID, SENT_AT), VALIDATION_LEVEL.STRICT)
    message.validate()
    return message


def observations(message: Message) -> list[Segment]:
    groups = message.oru_r01_patient_result.oru_r01_order_observation.oru_r01_observation
    return [group.obx for group in groups]


def text_of(observation: Segment) -> str:
    """OBX-5 as a person reads it, its escapes undone."""
    return str(observation.obx_5.to_er7())


def values(message: Message, code: str) -> list[str]:
    return [text_of(line) for line in observations(message) if line.obx_3.to_er7().startswith(f"{code}^")]


@pytest.mark.parametrize(
    "seeds",
    [
        range(12),
        pytest.param(range(12, 60), marks=pytest.mark.slow),
        pytest.param(range(200), marks=pytest.mark.long),
    ],
)
def test_every_message_is_valid_for_hl7apy_in_strict_mode(seeds: range) -> None:
    for seed in seeds:
        message = parsed(record_by_chance(seed))
        numbers = [line.obx_1.to_er7() for line in observations(message)]
        assert message.msh.msh_10.to_er7() == MESSAGE_ID.hex[-20:]
        assert numbers == [str(number) for number in range(1, len(numbers) + 1)]


@pytest.mark.parametrize("seed", range(6))
def test_the_numbers_are_those_of_the_record(seed: int) -> None:
    record = record_by_chance(seed)
    message = parsed(record)
    assert values(message, "cells") == [str(len(record.cells))]
    for label, count in record.label_counts.items():
        assert values(message, f"cells.predicted.{label.value}") == [str(count)]
    for verdict, count in record.verdict_counts.items():
        assert values(message, f"cells.judged.{verdict.value}") == [str(count)]
    labels = Counter(value.split("^")[0] for value in values(message, "cell.label"))
    assert labels == {label.value: count for label, count in record.label_counts.items() if count}
    told = [
        (line.obx_4.to_er7(), float(text_of(line)))
        for line in observations(message)
        if line.obx_3.to_er7().startswith("cell.p_malignant^")
    ]
    assert told == [
        (str(cell.position), pytest.approx(cell.prediction.p_malignant, abs=1e-6))
        for cell in record.cells
        if cell.prediction and cell.prediction.p_malignant is not None
    ]


@pytest.mark.parametrize(
    ("status", "observed", "ordered"),
    [
        (ReportStatus.PRELIMINARY, "P", "P"),
        (ReportStatus.FINAL, "F", "F"),
        (ReportStatus.AMENDED, "C", "C"),
        (ReportStatus.RETRACTED, "W", "X"),
    ],
)
def test_the_status_of_every_line_follows_the_report(
    status: ReportStatus, observed: str, ordered: str
) -> None:
    message = parsed(record_by_chance(7, status))
    assert {line.obx_11.to_er7() for line in observations(message)} == {observed}
    assert message.oru_r01_patient_result.oru_r01_order_observation.obr.obr_25.to_er7() == ordered


def test_the_first_line_says_research_use_only() -> None:
    first = observations(parsed(record_by_chance(1)))[0]
    assert INTENDED_USE in text_of(first)


def test_text_cannot_add_fields_or_segments() -> None:
    seed = next(seed for seed in range(99) if record_by_chance(seed).accession == "a|b^c&d~e\\f")
    message = oru_r01(record_by_chance(seed), MESSAGE_ID, SENT_AT)
    assert "a\\F\\b\\S\\c\\T\\d\\R\\e\\E\\f" in message
    names = {line[:3] for line in message.split("\r") if line}
    assert names <= {"MSH", "PID", "ORC", "OBR", "OBX", "SPM"}
