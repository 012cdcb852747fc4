"""Texts that look as if they named a person: a warning, never a refusal, for a machine cannot know. Pure."""

import re
from typing import Final

NAME: Final = "looks_like_a_name"
RECORD_NUMBER: Final = "looks_like_a_record_number"
BIRTH_DATE: Final = "looks_like_a_birth_date"

_SIGNS: Final = {
    NAME: re.compile(
        r"\b(?i:mr|mrs|ms|herr|frau|mme|patient)\b\.?:?\s+[A-Z]"  # Mrs Olsen
        r"|\b[A-Z][a-z]{2,}(?:-[A-Z][a-z]+)?,\s*[A-Z][a-z]{2,}\b"  # Olsen, Marta
        r"|\b(?i:name)\s*[:=]"
    ),
    RECORD_NUMBER: re.compile(
        r"\b(?i:mrn|pid|nhs|ssn|case ?no|record ?no)\b[\s.:#/_-]*\d{3,}"  # MRN 12345
        r"|(?<![\d.])\d{7,}(?![\d.])"
    ),
    BIRTH_DATE: re.compile(
        r"\b(?i:dob|born|geb)\b|\b(?:0?[1-9]|[12]\d|3[01])[./-](?:0?[1-9]|1[0-2])[./-](?:19|20)\d\d\b"
    ),
}

_ACCESSION_OF_WORDS = re.compile(r"[A-Za-z]{3,}[._/-][A-Za-z]{3,}")
_ACCESSION_WITH_RECORD = re.compile(r"(?i)(?:mrn|pid|nhs|ssn)[._/-]?\d{3,}")


def notes_look_identifying(notes: str) -> tuple[str, ...]:
    """Codes of what a note seems to hold."""
    return tuple(code for code, sign in _SIGNS.items() if sign.search(notes))


def accession_looks_identifying(accession: str | None) -> tuple[str, ...]:
    """Codes of what an accession seems to be made of. A number alone is what an accession should be."""
    text = accession or ""
    found = {
        NAME: _ACCESSION_OF_WORDS.fullmatch(text),
        RECORD_NUMBER: _ACCESSION_WITH_RECORD.search(text),
        BIRTH_DATE: _SIGNS[BIRTH_DATE].search(text),
    }
    return tuple(code for code, sign in found.items() if sign)
