r"""Ours: blocks 1 and 2 frozen, block 3 trained on native-resolution patches, pooled inside the cell.

python -m training all --profile honest --data ../shared/data/cnmc2019 \
    --init ../shared/weights/vgg16_conv_base_f16.npz --out RUN
"""

from models.networks import Architecture
from models.preprocessing import Preprocessing
from training.profiles import PatchProfile

PROFILE = PatchProfile(
    name="honest",
    architecture=Architecture(name="vgg16", blocks=3),
    preprocessing=Preprocessing(crop_px=304, output_px=304, centre="cell", mean="crop"),
    patches_per_cell=4,
    steps=800,
    batch=32,
    learning_rate=1e-4,
    label_smoothing=0.05,
    dropout=0.3,
    ema_momentum=0.99,
    head_cells_per_group=120,
    head_penalty=30.0,
)
