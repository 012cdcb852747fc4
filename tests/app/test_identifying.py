"""Warnings on texts that look as if they named a person."""

import pytest

from app.cases.identifying import (
    BIRTH_DATE,
    NAME,
    RECORD_NUMBER,
    accession_looks_identifying,
    notes_look_identifying,
)


@pytest.mark.parametrize(
    ("notes", "expected"),
    [
        ("Mrs Olsen, second visit", (NAME,)),
        ("Olsen, Marta", (NAME,)),
        ("MRN 12345", (RECORD_NUMBER,)),
        ("see 20260417889", (RECORD_NUMBER,)),
        ("born 03.04.2019", (BIRTH_DATE,)),
        ("Patient: A. B., 3/4/2019", (NAME, BIRTH_DATE)),
        ("", ()),
        ("many blasts, nucleoli prominent", ()),
        ("second aspirate of 100 cells, scale 0.065", ()),
        ("Slide 7. Auer rods absent, granules seen in 3 of 41.", ()),
    ],
)
def test_what_looks_like_a_person_is_named(notes: str, expected: tuple[str, ...]) -> None:
    assert notes_look_identifying(notes) == expected


@pytest.mark.parametrize(
    ("accession", "expected"),
    [
        ("OLSEN-MARTA", (NAME,)),
        ("MRN-1234567", (RECORD_NUMBER,)),
        ("H26-0123", ()),
        ("2026041788", ()),
        ("BM/2026/17-A", ()),
        (None, ()),
    ],
)
def test_an_accession_of_words_is_warned_about(accession: str | None, expected: tuple[str, ...]) -> None:
    assert accession_looks_identifying(accession) == expected
