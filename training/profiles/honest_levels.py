r"""Ours on a graphics card: blocks 1 to 4 trained on whole cells, and a head that reads block 3's map beside the last.

python -m training all --profile honest_levels --data ../shared/data/cnmc2019 \
    --init ../shared/weights/vgg16_conv_base_f16.npz --out RUN

Training reads the last map alone; the head that is fitted afterwards is the mean of a regression on each map and of trees.
Time: a plain loop of PyTorch that does the same steps took 18 s a part on an H200 (LOG.md); two cores that multiply
bfloat16 (AMX) would take about 48 minutes a part, and two minutes for its embeddings.
Expected out of fold: AUROC 0.927 (0.840 to 0.976), weighted F1 0.874 (0.792 to 0.933), ECE 0.028 (0.023 to 0.103).
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
