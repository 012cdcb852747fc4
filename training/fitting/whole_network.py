"""A whole network's arrays by the names a bundle gives them, and whole cells through it."""

import keras
import numpy as np
import numpy.typing as npt

from models.base_weights import base_variables
from models.measurements import ImageArray
from models.networks import base_of, build_classifier
from models.preprocessing import Floats
from models.views import turn
from training.fitting.initial_weights import Weights, rounded
from training.fitting.steps import Batches
from training.profiles import ImageProfile

BASE, HEAD = "base", "head"


def named_variables(classifier: "keras.Model") -> dict[str, dict[str, "keras.Variable"]]:
    """`base` and `head` -> name -> variable, of what `build_classifier` built."""
    dense = [layer for layer in classifier.layers if layer.name.startswith("dense")]
    return {
        BASE: base_variables(base_of(classifier)),
        HEAD: {f"head__{layer.name}__{each.name}": each for layer in dense for each in layer.weights},
    }


def arrays(variables: dict[str, "keras.Variable"]) -> Weights:
    """Their values, float32."""
    return {name: keras.ops.convert_to_numpy(each).astype(np.float32) for name, each in variables.items()}


def look_at_crops(
    crops: ImageArray, rows: npt.NDArray[np.intp], weights: Weights, profile: ImageProfile
) -> tuple[Floats, npt.NDArray[np.float64]]:
    """Embedding and margin of whole cells, means over the profile's views, as `models.classifier` has them.

    Args:
        crops: (n, s, s, 3) uint8, from `profile.preprocessing`. rows: m of them.
        weights: base and head; used float16-rounded, in float32.

    Returns:
        (m, d) float32 pooled maps, (m,) l_malignant - l_healthy.
    """
    classifier = build_classifier(profile.architecture, profile.preprocessing.output_px)
    served = rounded(weights)
    for variables in named_variables(classifier).values():
        for name, variable in variables.items():
            variable.assign(served[name])
    both = keras.Model(classifier.input, [classifier.get_layer("mean").output, classifier.output])
    parts = np.array_split(rows, -(-len(rows) // profile.batch))

    def view(which: int) -> list[Floats]:
        def batch(number: int) -> Floats:
            return np.stack(
                [profile.preprocessing.normalise(turn(crops[row], which)) for row in parts[number]]
            )

        return both.predict(Batches(batch, 0, len(parts)), verbose=0)

    seen = [view(which) for which in range(profile.views)]
    pooled, logits = (np.mean(each, axis=0) for each in zip(*seen, strict=True))
    return pooled, (logits[:, 0] - logits[:, 1]).astype(np.float64)
