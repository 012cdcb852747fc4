r"""Ours on a graphics card: blocks 1 to 4 trained on whole cells, and a head that reads block 3's map beside the last.

python -m training all --profile honest_levels --data ../shared/data/cnmc2019 \
    --init ../shared/weights/vgg16_conv_base_f16.npz --out RUN

Time: TODO
"""

from models.networks import Architecture
from training.profiles.honest_cells import PROFILE as HONEST_CELLS

PROFILE = HONEST_CELLS.model_copy(
    update={
        "name": "honest_levels",
        "architecture": Architecture(name="vgg16", blocks=4, levels=2),
        "steps": 3000,
    }
)
