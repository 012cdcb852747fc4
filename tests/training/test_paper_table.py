from training.judging.paper_table import PAPER_TABLE, Counts, Misprint, figures, misprints


def test_the_counts_give_every_printed_figure_but_one() -> None:
    assert misprints() == [Misprint("vgg19", "specificity", 86.68, 89.68)]


def test_the_counts_are_of_339_cells_of_each_class() -> None:
    sums = {
        (
            row.counts.true_positive + row.counts.false_negative,
            row.counts.true_negative + row.counts.false_positive,
        )
        for row in PAPER_TABLE
    }
    assert sums == {(339, 339)}


def test_the_test_part_before_balancing_gives_other_figures() -> None:
    """727 malignant cells at the same sensitivity would print a precision of 95.7 and an F1 of 94.9."""
    unbalanced = figures(Counts(684, 43, 308, 31))
    printed = PAPER_TABLE[0].printed
    assert abs(unbalanced["precision"] - printed["precision"]) > 4
    assert abs(unbalanced["f1"] - printed["f1"]) > 2
