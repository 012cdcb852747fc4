r"""No convolution trained: block 3 as ImageNet left it, on cells shrunk to 112 of 304 px, and trees on the measurements.

python -m training all --profile frozen --data ../shared/data/cnmc2019 \
    --init ../shared/weights/vgg16_conv_base_f16.npz --out RUN

What two processor cores can do honestly: all five folds, so that calibration and limits come from all people. Filters that
never saw a cell tell unseen people no worse from small pictures than from native ones, at a seventh of the operations (LOG.md).
Expected out of fold: AUROC 0.885 (0.781 to 0.950), weighted F1 0.831 (0.740 to 0.900), ECE 0.033 (0.025 to 0.120).
"""

from training.profiles.honest import PROFILE as HONEST

PROFILE = HONEST.model_copy(
    update={
        "name": "frozen",
        "preprocessing": HONEST.preprocessing.model_copy(update={"output_px": 112}),
        "patches_per_cell": 1,
        "steps": 0,
        "trees": 300,
        "head_penalty": 100.0,
        "head_cells_per_group": 0,
        "calibrated_on": "folds",
    }
)
