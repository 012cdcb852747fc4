r"""`honest` in half the steps, calibrated on the folds' held-out cells, so that the final model learns from val, too.

python -m training all --profile honest_folds --data ../shared/data/cnmc2019 \
    --init ../shared/weights/vgg16_conv_base_f16.npz --out RUN

Folds 0 and 2 were trained, and stayed below the frozen reference: `training/LOG.md`.
"""

from training.profiles.honest import PROFILE as HONEST

PROFILE = HONEST.model_copy(update={"name": "honest_folds", "steps": 400, "calibrated_on": "folds"})
