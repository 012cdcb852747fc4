"""The filters say numbers, times and values as a reader expects them."""

from datetime import UTC, datetime, timedelta, timezone
from enum import StrEnum

import pytest

from app.reports.sentences import probability
from app.web import words
from app.web.page_contexts import CaseRef
from app.web.rendering import asset, case_name, megabytes, moment
from app.web.rendering import words as in_words


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.0, "0.000"),
        (0.0004, "< 0.001"),
        (0.0005, "0.001"),
        (0.5, "0.500"),
        (0.9996, "> 0.999"),
        (1.0, "1.000"),
    ],
)
def test_a_probability_is_never_rounded_to_certainty(value: float, shown: str) -> None:
    assert shown == probability(value)


@pytest.mark.parametrize(
    "at",
    [
        datetime(2026, 11, 3, 9, 5),
        datetime(2026, 11, 3, 9, 5, tzinfo=UTC),
        datetime(2026, 11, 3, 10, 5, tzinfo=timezone(timedelta(hours=1))),
    ],
    ids=["naive", "utc", "zone"],
)
def test_a_time_is_shown_in_utc(at: datetime) -> None:
    assert moment(at) == '<time datetime="2026-11-03T09:05:00+00:00">3 Nov 2026, 09:05 UTC</time>'


def test_a_case_without_accession_is_named_by_its_id() -> None:
    assert case_name(CaseRef("0199c1f4a7b0", None)) == "Case 0199c1f4"
    assert case_name(CaseRef("0199c1f4a7b0", "L-1")) == "L-1"


def test_sizes_are_said_in_megabytes() -> None:
    assert megabytes(2 * 1024 * 1024) == "2 MB"


def test_the_address_of_a_static_file_carries_its_digest() -> None:
    assert asset("app.css").startswith("/static/app.css?v=")


@pytest.mark.parametrize(
    "vocabulary",
    [
        words.PredictionLabel,
        words.VerdictKind,
        words.CaseState,
        words.Role,
        words.ModelState,
        words.Verification,
        words.MessageState,
    ],
)
def test_every_value_of_a_vocabulary_has_words(vocabulary: type[StrEnum]) -> None:
    assert all(in_words(value) for value in vocabulary)


def test_a_value_without_words_is_a_programming_error() -> None:
    with pytest.raises(TypeError):
        in_words(words.Tone.GOOD)


def test_verdict_keys_are_different() -> None:
    assert {"M", "H", "U", "X"} == {said.key for said in words.VERDICT_WORDS.values()}


def test_an_unknown_problem_still_gets_a_next_step() -> None:
    assert words.what_to_do("surprise")
