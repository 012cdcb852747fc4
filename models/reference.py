"""The cells a model learned from, as a bundle carries them: embeddings and measurements, never pictures.

A person is a number, and a digest that tells a site whether it is somebody of its own copy of the data set.
"""

import hashlib
from functools import cached_property

import numpy as np
import numpy.typing as npt

from models.bundle import Arrays, Bundle
from models.labels import Label
from models.neighbours import Floats, NeighbourSearch

GROUP_DIGEST_BYTES = 8


class ReferenceSet:
    """A bundle's reference set. `len()` is 0 where the bundle has none.

    embeddings (n, d) float16. measurements (n, len(MEASUREMENTS)) float32. malignant (n,) bool. group (n,) int: which
    of `group_digests`.

    Args:
        arrays: `reference_arrays` with `novelty__scale`, or nothing. width: of an embedding.
    """

    def __init__(self, arrays: Arrays, width: int) -> None:
        self.embeddings = arrays.get("reference__embedding", np.empty((0, width), np.float16))
        self.measurements: Floats = arrays.get("reference__measurements", np.empty((0, 0), np.float32))
        self.malignant = arrays.get("reference__malignant", np.empty(0, np.uint8)).astype(bool)
        self.group = arrays.get("reference__group", np.empty(0, np.int16)).astype(np.intp)
        digests = arrays.get("reference__group_digest", np.empty((0, GROUP_DIGEST_BYTES), np.uint8))
        self.group_digests = tuple(digest.tobytes().hex() for digest in digests)
        self.scale: Floats = arrays.get("novelty__scale", np.ones(width, np.float32))

    @classmethod
    def of(cls, bundle: Bundle) -> "ReferenceSet":
        """A bundle's own."""
        return cls(bundle.statistics, bundle.manifest.head.embedding_length)

    def __len__(self) -> int:
        return len(self.embeddings)

    @cached_property
    def search(self) -> NeighbourSearch:
        """Nearest reference cells."""
        return NeighbourSearch(self.embeddings, self.scale)

    def label(self, row: int) -> Label:
        """The class the data set's expert gave."""
        return Label.MALIGNANT if self.malignant[row] else Label.HEALTHY


def reference_arrays(
    embeddings: Floats, measurements: Floats, malignant: npt.NDArray[np.bool_], groups: npt.NDArray[np.str_]
) -> Arrays:
    """What `ReferenceSet` reads."""
    names, which = np.unique(groups, return_inverse=True)
    return {
        "reference__embedding": embeddings.astype(np.float16),
        "reference__measurements": measurements.astype(np.float32),
        "reference__malignant": malignant.astype(np.uint8),
        "reference__group": which.astype(np.int16),
        "reference__group_digest": np.stack([_digest(str(name)) for name in names]),
    }


def _digest(group: str) -> npt.NDArray[np.uint8]:
    return np.frombuffer(hashlib.sha256(group.encode()).digest()[:GROUP_DIGEST_BYTES], np.uint8)
