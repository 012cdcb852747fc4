r"""Ours on a graphics card: blocks 1 to 4 trained on whole cells at native resolution, pooled inside the cell.

KERAS_BACKEND=torch python -m training all --profile honest_cells --data ../shared/data/cnmc2019 \
    --init ../shared/weights/vgg16_conv_base_f16.npz --out RUN
"""

from models.networks import Architecture
from models.preprocessing import Preprocessing
from training.profiles import CellProfile, Variation

PROFILE = CellProfile(
    name="honest_cells",
    architecture=Architecture(name="vgg16", blocks=4),
    preprocessing=Preprocessing(crop_px=304, output_px=304, centre="cell", mean="crop"),
    variation=Variation(stain=2.5),
    steps=700,
    batch=64,
    watch_steps=100,
    learning_rate=1e-4,
    label_smoothing=0.05,
    dropout=0.3,
    ema_momentum=0.99,
    head_cells_per_group=120,
    head_penalty=30.0,
    calibrated_on="folds",
)
