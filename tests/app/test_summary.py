"""The figures of a case summary: known shares, the corrected one, silence where there is too little."""

import numpy as np
import pytest

from app.cases.summary import CalledShare, called_share, corrected_share, known_shares
from models.bundle import PROCEDURE_REPORT, STORE, SubjectShare, read_bundle, subject_shares
from models.labels import Label
from tests.shipped import SHIPPED_FOLDER


def subject(label: Label, called: float, cells: int = 1000) -> SubjectShare:
    return SubjectShare(label=label, cells=cells, called_malignant=called)


ALIKE = [subject(Label.HEALTHY, 0.1)] * 5 + [subject(Label.MALIGNANT, 0.9)] * 5


def test_a_probability_of_one_half_is_called_malignant() -> None:
    assert called_share([0.5, 0.49, 0.9, 0.0]) == CalledShare(2, 4)


@pytest.mark.parametrize(("called", "expected"), [(100, 0.0), (500, 0.5), (900, 1.0), (50, 0.0), (990, 1.0)])
def test_with_people_who_are_alike_it_is_rogan_and_gladens_formula(called: int, expected: float) -> None:
    found = corrected_share(CalledShare(called, 1000), ALIKE)
    assert found is not None
    assert found.value == pytest.approx(expected, abs=0.03)
    assert 0 <= found.low <= found.value <= found.high <= 1


def test_people_who_differ_make_it_wide() -> None:
    differing = [subject(Label.HEALTHY, share) for share in (0.0, 0.1, 0.8)] + [
        subject(Label.MALIGNANT, share) for share in (0.7, 0.95)
    ]
    alike, wide = (corrected_share(CalledShare(500, 1000), people) for people in (ALIKE, differing))
    assert alike is not None
    assert wide is not None
    assert wide.high - wide.low > 2 * (alike.high - alike.low)


def test_a_model_that_tells_nothing_apart_says_nothing() -> None:
    useless = [subject(Label.HEALTHY, 0.9)] * 3 + [subject(Label.MALIGNANT, 0.1)] * 3
    found = corrected_share(CalledShare(500, 1000), useless)
    assert found is not None
    assert (found.low, found.high) == pytest.approx((0.025, 0.975), abs=0.02)


def test_it_is_hidden_below_fifty_cells_and_without_two_people_of_each_class() -> None:
    assert corrected_share(CalledShare(20, 49), ALIKE) is None
    assert corrected_share(CalledShare(20, 50), ALIKE) is not None
    assert corrected_share(CalledShare(20, 50), ALIKE[4:]) is None


def test_the_same_case_gets_the_same_figures() -> None:
    np.testing.assert_array_equal(
        [corrected_share(CalledShare(20, 60), ALIKE) for _ in range(2)],
        [corrected_share(CalledShare(20, 60), ALIKE) for _ in range(2)],
    )


def test_the_shipped_bundle_says_how_its_people_were_called() -> None:
    bundle = read_bundle(SHIPPED_FOLDER)
    report = (STORE / bundle.id / PROCEDURE_REPORT).read_bytes()
    shares = known_shares(subject_shares(report))
    assert shares is not None
    assert (len(shares.healthy), len(shares.malignant)) == (
        bundle.manifest.procedure.healthy_groups,
        bundle.manifest.procedure.malignant_groups,
    )
    assert list(shares.healthy) == sorted(shares.healthy)
