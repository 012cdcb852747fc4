"""What may name a person is noticed, and a plain accession is not."""

import re

import pytest

from app.web.private_words import PRIVATE_PATTERNS


def found(text: str, field: str = "accession") -> bool:
    return any(
        re.search(pattern.expression, text) for pattern in PRIVATE_PATTERNS if pattern.only in ("", field)
    )


@pytest.mark.parametrize(
    "text",
    [
        "Maria Svensson",
        "Svensson, Maria",
        "svensson",
        "Åsa Öberg",
        "L 12.03.1987",
        "1987-03-12",
        "19870312",
        "MRN 5523311",
        "Patient ID 7",
        "870312-1234",
        "078-05-1120",
        "943 476 5919",
    ],
)
def test_names_dates_and_record_numbers_are_noticed(text: str) -> None:
    assert found(text)


@pytest.mark.parametrize("text", ["L-2026-0412", "BM 24/1187 A", "7731", "S1.2", "R-1001", "K7"])
def test_an_accession_is_left_alone(text: str) -> None:
    assert not found(text)


def test_a_note_of_words_is_left_alone() -> None:
    assert not found("Fine chromatin, two nucleoli in most cells", "notes")
