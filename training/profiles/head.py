r"""A bundle's own convolutions, and a head, a calibration and limits fitted anew: what `retrain` runs by default.

python -m training retrain --champion BUNDLE --data ../shared/data/cnmc2019 --new DIR --out RUN

Minutes, where training the convolutions takes hours; `training.retraining.challenger` puts the champion's own architecture and
preprocessing in place of these.
"""

from training.profiles.honest import PROFILE as HONEST

PROFILE = HONEST.model_copy(update={"name": "head", "patches_per_cell": 1, "steps": 0, "head_penalty": 100.0})
