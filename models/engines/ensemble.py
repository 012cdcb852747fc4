"""Several networks of one make as one wider network: their maps side by side, and a head over all of them.

A head's dense layers can hold the members' own ones in blocks (`training.fitting.ensemble`), so the mean of several
networks' logits, its embedding and its heatmap need no other code than one network's.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from models.bundle import Bundle
from models.engines import Engine, Floats


class EnsembleEngine:
    """Engines of the members, asked one after the other."""

    def __init__(self, members: Sequence[Engine]) -> None:
        self._members = members
        self.name = members[0].name
        self.streams = members[0].streams
        self.batch = members[0].batch

    def maps(self, images: Floats) -> Floats:
        """See `Engine.maps`; c is the sum over members."""
        return np.concatenate([member.maps(images) for member in self._members], axis=1)


def member_bundle(bundle: Bundle, number: int) -> Bundle:
    """One member's base: arrays named `member<number>__<layer>__<variable>`, numbered from 1."""
    prefix = f"member{number}__"
    own = {
        name.removeprefix(prefix): array for name, array in bundle.weights.items() if name.startswith(prefix)
    }
    return replace(bundle, weights=own)
