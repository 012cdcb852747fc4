"""Agreement tables and Cohen's kappa."""

import pytest

from app.reviews.agreement import AgreementTable, kappa


def table(yes_yes: int, yes_no: int, no_yes: int, no_no: int) -> AgreementTable:
    counts = {("yes", "yes"): yes_yes, ("yes", "no"): yes_no, ("no", "yes"): no_yes, ("no", "no"): no_no}
    return AgreementTable({pair: count for pair, count in counts.items() if count})


def test_a_table_counts_cells_and_those_on_its_diagonal() -> None:
    found = AgreementTable.of([("a", "a"), ("a", "b"), ("b", "b"), ("a", "a")])
    assert (found.cells, found.agreeing, found.counts["a", "b"]) == (4, 3, 1)
    assert AgreementTable.sum([found, found]).counts["a", "a"] == 4


def test_kappa_is_silent_below_ten_cases_with_cells() -> None:
    assert kappa([table(5, 1, 1, 3)] * 9 + [table(0, 0, 0, 0)]) is None


def test_kappa_of_the_textbook_table() -> None:
    found = kappa([table(20, 5, 10, 15)] * 10)
    assert found is not None
    assert found.value == pytest.approx(0.4)
    assert (found.low, found.high) == pytest.approx((0.4, 0.4))
    assert (found.cases, found.cells) == (10, 500)


def test_the_interval_is_as_wide_as_cases_differ() -> None:
    found = kappa([table(10, 0, 0, 10), table(5, 5, 5, 5)] * 6)
    assert found is not None
    assert found.low < found.value < found.high
    assert found.high - found.low > 0.3


def test_kappa_is_not_defined_where_only_one_word_was_used() -> None:
    assert kappa([table(7, 0, 0, 0)] * 12) is None
