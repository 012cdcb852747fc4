"""The gate's rules, on made-up predictions: what passes, what is refused, what stays open."""

from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from models.bundle import Interval
from models.metrics import sensitivity
from training.retraining.gate import Change, GateLimits, Judgement, Verdict, compared, judge, read_limits
from training.retraining.label_check import LabelCheck, within_people

NOBODY = LabelCheck(people=0, auroc=None)
LIMITS = GateLimits(
    sensitivity_floor=0.7,
    labels_floor=0.6,
    people_with_both_labels=3,
    may_worsen={"sensitivity": 0.05, "brier": 0.05},
)
CELLS, PEOPLE = 1000, 40
MALIGNANT = np.arange(CELLS) % 2 == 0
GROUPS = [f"P{i % PEOPLE}" for i in range(CELLS)]


def predictions(wrong: float, seed: int = 0) -> np.ndarray:
    """Sure of itself, and wrong on a share of the cells."""
    mistaken = np.random.default_rng(seed).random(CELLS) < wrong
    return np.where(mistaken != MALIGNANT, 0.9, 0.1)


def judged(champion: np.ndarray, challenger: np.ndarray, labels: LabelCheck = NOBODY) -> Judgement:
    changes = compared(champion, challenger, MALIGNANT, GROUPS, LIMITS, seed=1)
    return judge(changes, sensitivity(challenger, MALIGNANT), labels, LIMITS)


def change(low: float, value: float, high: float, metric: str = "sensitivity") -> Change:
    """Challenger minus champion."""
    return Change(
        metric=metric,
        champion=0.8,
        challenger=0.8 + value,
        difference=Interval(value=value, low=low, high=high),
        may_worsen=0.05,
    )


def test_the_same_model_passes_without_a_reason() -> None:
    found = judged(predictions(0.1), predictions(0.1))
    assert (found.verdict, found.reasons) == (Verdict.PASSED, ())


def test_a_clearly_worse_model_is_refused_and_each_metric_says_why() -> None:
    found = judged(predictions(0.05), predictions(0.25))
    assert found.verdict is Verdict.REFUSED
    assert [reason.split(" worsens")[0] for reason in found.reasons] == ["sensitivity", "brier"]


def test_a_difference_whose_interval_crosses_the_limit_is_inconclusive() -> None:
    found = judged(predictions(0.1), predictions(0.12, seed=3))
    assert found.verdict is Verdict.INCONCLUSIVE
    assert "may worsen by more than 0.05" in found.reasons[0]


@pytest.mark.parametrize(
    ("interval", "expected"),
    [
        ((-0.05, 0.0, 0.1), Verdict.PASSED),
        ((-0.051, 0.0, 0.1), Verdict.INCONCLUSIVE),
        ((-0.2, -0.05, 0.1), Verdict.INCONCLUSIVE),
        ((-0.2, -0.051, 0.1), Verdict.REFUSED),
    ],
)
def test_the_bound_passes_the_difference_refuses_and_the_limit_itself_is_allowed(
    interval: tuple[float, float, float], expected: Verdict
) -> None:
    assert change(*interval).verdict is expected


def test_where_less_is_better_a_rise_is_what_is_worse() -> None:
    assert change(0.06, 0.1, 0.2, "brier").verdict is Verdict.REFUSED
    assert change(-0.2, -0.1, 0.05, "brier").verdict is Verdict.PASSED


def test_one_open_question_is_not_a_pass_and_one_refusal_outweighs_it() -> None:
    fine, open_question, bad = change(0, 0, 0), change(-0.1, 0, 0.1), change(-0.3, -0.2, -0.1)
    assert judge([fine, open_question], 0.9, NOBODY, LIMITS).verdict is Verdict.INCONCLUSIVE
    assert judge([open_question, bad], 0.9, NOBODY, LIMITS).verdict is Verdict.REFUSED


def test_a_sensitivity_below_the_floor_is_refused_however_bad_the_champion_is() -> None:
    found = judged(predictions(0.5), predictions(0.4))
    assert found.verdict is Verdict.REFUSED
    assert "below the floor of 0.7" in found.reasons[0]


def test_labels_mixed_up_within_people_are_refused_though_every_metric_passes() -> None:
    random = np.random.default_rng(0)
    labels = within_people(random.random(CELLS), random.random(CELLS) < 0.3, np.array(GROUPS), seed=1)
    found = judged(predictions(0.1), predictions(0.1), labels)
    assert (labels.people, found.verdict) == (PEOPLE, Verdict.REFUSED)
    assert "mixed-up labels" in found.reasons[0]


def test_labels_that_look_different_within_people_pass() -> None:
    labels = within_people(predictions(0.1), MALIGNANT, np.array(["A", "A", "B", "B"] * 250), seed=1)
    assert labels.auroc is not None
    assert labels.auroc.low > LIMITS.labels_floor
    assert judged(predictions(0.1), predictions(0.1), labels).verdict is Verdict.PASSED


def test_people_of_one_class_say_nothing_of_their_labels() -> None:
    groups = np.where(MALIGNANT, "A", "B")
    assert within_people(predictions(0.5), MALIGNANT, groups, seed=1) == NOBODY


def test_too_few_people_with_both_labels_are_not_judged() -> None:
    labels = LabelCheck(people=2, auroc=Interval(value=0.4, low=0.3, high=0.5))
    assert judge([], 0.9, labels, LIMITS).verdict is Verdict.PASSED


def test_the_shipped_limits_are_read_and_a_wrong_name_is_refused(tmp_path: Path) -> None:
    assert {"auroc", "sensitivity"} <= set(read_limits().may_worsen)
    wrong = tmp_path / "limits.toml"
    wrong.write_text(
        "sensitivity_floor = 0.8\nlabels_floor = 0.6\npeople_with_both_labels = 3\n[may_worsen]\nluck = 1\n"
    )
    with pytest.raises(ValidationError, match="luck"):
        read_limits(wrong)
