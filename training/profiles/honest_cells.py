r"""Ours on a graphics card: blocks 3 and 4 trained on whole cells at native resolution, pooled inside the cell.

KERAS_BACKEND=torch python -m training all --profile honest_cells --data ../shared/data/cnmc2019 \
    --init ../shared/weights/vgg16_conv_base_f16.npz --out RUN

Time: eight parts at once took 6 minutes on an H200 with 16 processor cores, which made 512 pictures a second for all of them while the
card waited. One part alone, all four blocks trained, took 0.2 s a step, of which the pictures were 0.13 s. OPENCV_FOR_THREADS_NUM=1 keeps parts
from taking each other's cores; not yet measured. Expected: what folds 0 to 2 gave without the trees, in `training/LOG.md`.
"""

from models.networks import Architecture
from models.preprocessing import Preprocessing
from training.profiles import CellProfile, Variation

PROFILE = CellProfile(
    name="honest_cells",
    architecture=Architecture(name="vgg16", blocks=4),
    preprocessing=Preprocessing(crop_px=304, output_px=304, centre="cell", mean="crop"),
    variation=Variation(stain=2.5),
    frozen_blocks=2,
    start_cells=1024,
    steps=350,
    batch=64,
    watch_steps=175,
    trees=300,
    learning_rate=1e-4,
    label_smoothing=0.05,
    dropout=0.3,
    ema_momentum=0.99,
    head_cells_per_group=120,
    head_penalty=30.0,
    calibrated_on="folds",
)
