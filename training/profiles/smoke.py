r"""The whole way in about a minute, on a few cells; its figures mean nothing.

python -m training all --profile smoke --data ../shared/data/cnmc2019 --init none \
    --folds 0 --out RUN --store RUN/store
"""

from training.profiles.honest import PROFILE as HONEST

PROFILE = HONEST.model_copy(
    update={
        "name": "smoke",
        "patches_per_cell": 1,
        "start_patches": 16,
        "steps": 3,
        "batch": 4,
        "convolution_dtype": "float32",
        "max_cells": 3,
        "probed_cells": 8,
        "resamples": 100,
    }
)
