"""One run configuration per file: what is trained, how, and what to expect."""

from importlib import import_module
from pkgutil import iter_modules
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from models.networks import Architecture
from models.preprocessing import Preprocessing


class Profile(BaseModel):
    """Everything a run depends on besides data and starting weights.

    steps x batch patches are drawn, by class and by leak group in proportion to the square root of its cells; with 0
    steps the convolutions stay as they start.
    start_patches: so many fit the linear head that training starts from, and scale the last channels.
    convolution_dtype: `mixed_bfloat16` computes the patch convolutions in bfloat16 and keeps float32 weights.
    head_penalty: inverse of scikit-learn's C for the head, on standardised inputs.
    head_cells_per_group: at most this many cells of each leak group fit the head, 0 for all.
    calibrated_on: where calibration and limits come from. `folds`: the cells the folds held out, so that the final model
    learns from the val part, too; `val`: the val part, where training folds is too dear.
    band_missed: share of each class that may fall on the wrong side of the indeterminate band.
    max_cells: keep at most this many cells of each leak group, 0 for all.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    architecture: Architecture
    preprocessing: Preprocessing
    seed: int = 2019
    patches_per_cell: int = Field(ge=1)
    start_patches: int = Field(default=2048, ge=8)
    steps: int = Field(ge=0)
    batch: int = Field(ge=2)
    learning_rate: float = Field(gt=0)
    label_smoothing: float = Field(ge=0, lt=0.5)
    dropout: float = Field(ge=0, lt=1)
    ema_momentum: float = Field(ge=0, lt=1)
    convolution_dtype: str = "mixed_bfloat16"
    head_penalty: float = Field(gt=0)
    head_cells_per_group: int = 0
    calibrated_on: Literal["val", "folds"] = "val"
    band_missed: float = Field(default=0.1, gt=0, lt=0.5)
    max_cells: int = 0


def profile(name: str) -> Profile:
    """The profile in `training/profiles/<name>.py`.

    Raises:
        ValueError: no such file.
    """
    names = sorted(module.name for module in iter_modules(__path__))
    if name not in names:
        raise ValueError(f"Expected a profile out of {names}, got {name!r}.")
    found: Profile = import_module(f"{__name__}.{name}").PROFILE
    return found
