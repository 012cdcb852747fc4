"""One run configuration per file: what is trained, how, and what to expect."""

from dataclasses import dataclass
from importlib import import_module
from pkgutil import iter_modules
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from models.metrics import RESAMPLES
from models.networks import Architecture, read_convolutions
from models.preprocessing import Preprocessing


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


@dataclass(frozen=True)
class HeadRecipe:
    """How a head that pools inside the cell is fitted.

    penalty: inverse of scikit-learn's C, on standardised inputs. trees: on the measurements, 0 for none.
    levels: channels of each map that gets a regression of its own; empty where one reads the whole embedding.
    """

    penalty: float
    trees: int = 0
    levels: tuple[int, ...] = ()


class Member(_Frozen):
    """In what one network of an ensemble differed from the others."""

    seed: int
    steps: int


class Profile(_Frozen):
    """Everything a run depends on besides data and starting weights, whatever is trained.

    watch_steps: every so many steps the held-out figures are taken and the state is kept for a resume.
    head_penalty: inverse of scikit-learn's C for a linear head, on standardised inputs.
    trees: so many boosted trees on the measurements beside a head that pools inside the cell, 0 for none.
    head_cells_per_group: at most this many cells of each leak group fit the head and the limits, 0 for all.
    calibrated_on: where calibration and limits come from. `folds`: the cells the folds held out, so that the final model
    learns from the val part, too; `val`: the val part, where training folds is too dear; `champion`: the bundle that a
    challenger starts from, where the val part taught that one.
    band_missed: share of each class that may fall on the wrong side of the indeterminate band.
    max_cells: keep at most this many cells of each leak group, 0 for all.
    members: the runs that `training.fitting.ensemble` joined; empty for one network.
    probed_cells: so many, half of each class, are asked again after every disturbance of `training.judging.robustness`.
    resamples: bootstrap samples behind every interval.
    """

    name: str
    architecture: Architecture
    preprocessing: Preprocessing
    seed: int = 2019
    steps: int = Field(ge=0)
    batch: int = Field(ge=2)
    watch_steps: int = Field(default=200, ge=1)
    learning_rate: float = Field(gt=0)
    label_smoothing: float = Field(ge=0, lt=0.5)
    dropout: float = Field(ge=0, lt=1)
    ema_momentum: float = Field(ge=0, lt=1)
    head_penalty: float = Field(gt=0)
    trees: int = Field(default=0, ge=0)
    head_cells_per_group: int = 0
    calibrated_on: Literal["val", "folds", "champion"] = "val"
    band_missed: float = Field(default=0.1, gt=0, lt=0.5)
    max_cells: int = 0
    members: tuple[Member, ...] = ()
    probed_cells: int = Field(default=172, ge=4)
    resamples: int = Field(default=RESAMPLES, ge=10)

    @property
    def head_recipe(self) -> HeadRecipe:
        """See `HeadRecipe`."""
        if self.architecture.levels == 1:
            return HeadRecipe(self.head_penalty, self.trees)
        filters = tuple(layer.filters for layer in read_convolutions(self.architecture))
        return HeadRecipe(self.head_penalty, self.trees, filters * max(len(self.members), 1))


class PatchProfile(Profile):
    """The last block of a VGG on patches, then a linear head on whole cells.

    steps x batch patches are drawn, by class and by leak group in proportion to the square root of its cells; with 0
    steps the convolutions stay as they start.
    start_patches: so many fit the linear head that training starts from, and scale the last channels.
    convolution_dtype: `mixed_bfloat16` computes convolutions in bfloat16 while training and keeps float32 weights; not
    float16, because the base's channels were made for inputs of 0 to 255 and reach its end.
    """

    patches_per_cell: int = Field(ge=1)
    start_patches: int = Field(default=2048, ge=8)
    convolution_dtype: str = "mixed_bfloat16"


class Copies(_Frozen):
    """Classes made equal in number by altered copies of their cells, see `training.pictures.augmentation`.

    train_per_class, val_per_class: cells and copies of each class. blur_px: side of the Gaussian's window.
    shears: the axes along which a sheared copy may be sheared, one of these drawn.
    """

    train_per_class: int = Field(ge=1)
    val_per_class: int = Field(ge=1)
    blur_px: Literal[5, 17]
    shears: tuple[Literal["x", "y", "both"], ...] = Field(min_length=1)


class Variation(_Frozen):
    """How far a drawn cell is altered, the same for both classes.

    Whole pictures are turned by any angle, sheared and shifted (`training.pictures.augmentation`). A small crop gets one of
    the square's eight symmetries instead, which leave every pixel as it is (`training.fitting.cell_variation`): an
    interpolation would take its texture.

    shift_px, shear: the largest, of whole pictures. blur: share of cells blurred. blur_px: largest deviation of its
    Gaussian, a quarter of it the smallest. noise: largest deviation of noise inside the cell, in grey levels. stain: 1 for
    the change of brightness and channels that patches get, 2 for twice it.
    """

    shift_px: float = Field(default=6.0, ge=0)
    shear: float = Field(default=0.06, ge=0)
    blur: float = Field(default=0.3, ge=0, le=1)
    blur_px: float = Field(default=1.2, gt=0)
    noise: float = Field(default=4.0, ge=0)
    stain: float = Field(default=1.0, ge=0)


class ImageProfile(Profile):
    """A whole network, convolutions and dense layers, on whole cells.

    examples: `Copies` takes each cell and copy once an epoch; `Variation` draws cells by class and leak group.
    schedule, final_rate: how `learning_rate` falls over the steps; an exponential one ends at `final_rate`.
    l1, l2: penalties on the dense layers' kernels.
    patience: stop after so many looks without a lower loss per leak group, and keep the best weights; 0 trains
    to the end. The groups looked at are then set apart from those learned from.
    views: symmetries averaged at test time, see `models.views`.
    """

    examples: Copies | Variation
    schedule: Literal["constant", "exponential", "cosine"]
    final_rate: float = Field(default=0.0, ge=0)
    l1: float = Field(default=0.0, ge=0)
    l2: float = Field(default=0.0, ge=0)
    patience: int = Field(default=0, ge=0)
    views: Literal[1, 4, 8] = 1


class CellProfile(Profile):
    """A VGG on whole cells, pooled inside the cell, and one linear head that reads the measurements, too.

    steps x batch cells are drawn as for patches. variation: how each is altered. convolution_dtype: as for patches.
    frozen_blocks: the first so many blocks stay as they start.
    start_cells: so many fit the linear head that training starts from, and scale the last channels.
    """

    variation: Variation
    convolution_dtype: str = "mixed_bfloat16"
    frozen_blocks: int = Field(default=0, ge=0, le=4)
    start_cells: int = Field(default=2048, ge=8)


AnyProfile = PatchProfile | ImageProfile | CellProfile


def profile(name: str) -> AnyProfile:
    """The profile in `training/profiles/<name>.py`.

    Raises:
        ValueError: no such file.
    """
    names = sorted(module.name for module in iter_modules(__path__))
    if name not in names:
        raise ValueError(f"Expected a profile out of {names}, got {name!r}.")
    found: AnyProfile = import_module(f"{__name__}.{name}").PROFILE
    return found


def changed(
    chosen: AnyProfile, architecture: str = "", seed: int | None = None, steps: int | None = None
) -> AnyProfile:
    """A profile with another base, seed or number of steps; an empty name and None leave them.

    Raises:
        ValueError: another base for a profile that pools inside the cell, where only its own VGG is known.
    """
    given = {"seed": seed, "steps": steps}
    update: dict[str, object] = {name: value for name, value in given.items() if value is not None}
    if architecture:
        if not isinstance(chosen, ImageProfile):
            raise ValueError(
                f"Expected an image profile for another base, {chosen.name} pools inside the cell."
            )
        update["architecture"] = Architecture(name=architecture)
    return chosen.model_copy(update=update)


def read_profile(text: str) -> AnyProfile:
    """A profile as a run keeps it; of which kind it is shows in its fields."""
    return TypeAdapter[AnyProfile](AnyProfile).validate_json(text)
