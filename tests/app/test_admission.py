"""The door: never more inside than places, nobody let in only to wait for the deadline."""

import pytest

from app.errors import Overloaded
from app.inference.admission import Admission


class Clock:
    """A clock that a test moves."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def answer_after(admission: Admission, clock: Clock, seconds: float) -> None:
    with admission.place():
        clock.now += seconds


def refuse_after(admission: Admission, clock: Clock, seconds: float) -> None:
    with admission.place():
        clock.now += seconds
        raise ValueError("bad file")


def test_no_more_are_inside_than_there_are_places() -> None:
    admission = Admission(2, deadline_s=10)
    with admission.place(), admission.place():
        with pytest.raises(Overloaded) as refusal, admission.place():
            pytest.fail("a third one got in")
        assert refusal.value.retry_after_s is not None
    assert admission.taken == 0


def test_nobody_is_let_in_whose_wait_would_be_longer_than_the_deadline_allows() -> None:
    clock = Clock()
    admission = Admission(64, deadline_s=10, clock=clock)
    answer_after(admission, clock, 5.0)
    # 5 s each: two are 10 s of work, 8 s are allowed.
    with admission.place(), admission.place(), pytest.raises(Overloaded), admission.place():
        pytest.fail("a third one got in")


def test_a_refusal_inside_teaches_nothing_about_speed() -> None:
    clock = Clock()
    admission = Admission(64, deadline_s=10, clock=clock)
    with pytest.raises(ValueError, match="bad file"):
        refuse_after(admission, clock, 60.0)
    with admission.place(), admission.place(), admission.place():
        assert admission.taken == 3


def test_an_idle_hour_does_not_look_like_a_slow_answer() -> None:
    clock = Clock()
    admission = Admission(64, deadline_s=10, clock=clock)
    answer_after(admission, clock, 0.1)
    clock.now += 3600.0
    answer_after(admission, clock, 0.1)
    with admission.place(), admission.place(), admission.place():
        assert admission.taken == 3
