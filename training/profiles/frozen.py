r"""No convolution trained: block 3 as ImageNet left it, pooled inside the cell, and trees on the measurements beside it.

python -m training all --profile frozen --data ../shared/data/cnmc2019 \
    --init ../shared/weights/vgg16_conv_base_f16.npz --out RUN

What two processor cores can do honestly: all five folds in about 20 minutes, so that calibration and limits come from all people.
Expected out of fold: AUROC 0.867 (0.712 to 0.961), weighted F1 0.830 (0.714 to 0.910), ECE 0.067 (0.049 to 0.146).
"""

from training.profiles.honest import PROFILE as HONEST

PROFILE = HONEST.model_copy(
    update={
        "name": "frozen",
        "patches_per_cell": 1,
        "steps": 0,
        "trees": 300,
        "head_cells_per_group": 0,
        "calibrated_on": "folds",
    }
)
