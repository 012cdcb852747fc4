"""How long to wait before the next try, and when to give up."""

from datetime import timedelta
from typing import Final

FIRST_PAUSE: Final = timedelta(seconds=2)
LONGEST_PAUSE: Final = timedelta(hours=1)
LONGEST_REST: Final = timedelta(minutes=1)
"""A destination that does not answer is tried again at least this often, with one message or another."""

UNANSWERED_LIMIT: Final = 80
"""Tries without an answer before a message is given up: about three days."""

REFUSED_LIMIT: Final = 8
"""A receiver that answers no is asked less often: it will rarely change its mind about the same bytes."""


def pause_after(tries: int, spread: float, longest: timedelta = LONGEST_PAUSE) -> timedelta:
    """Doubles with each try, up to `longest`.

    Args:
        tries: from 1.
        spread: 0 to 1, by chance: takes away up to a half, so that messages that failed together come apart.
    """
    doubled = FIRST_PAUSE * int(2 ** min(tries - 1, 20))
    return min(doubled, longest) * (1 - spread / 2)


def is_given_up(tries: int, *, refused: bool) -> bool:
    """Whether a message that has failed this often is a dead letter."""
    return tries >= (REFUSED_LIMIT if refused else UNANSWERED_LIMIT)
