r"""The whole way for whole cells in about a minute, on a few cells; its figures mean nothing.

python -m training all --profile smoke_cells --data ../shared/data/cnmc2019 --init none --fold 0 --fold 1 --fold 2 --out RUN --store RUN/store
"""

from models.networks import Architecture
from training.profiles.honest_cells import PROFILE as HONEST

PROFILE = HONEST.model_copy(
    update={
        "name": "smoke_cells",
        "architecture": Architecture(name="vgg16", blocks=2),
        "steps": 4,
        "batch": 4,
        "convolution_dtype": "float32",
        "watch_steps": 2,
        "start_cells": 16,
        "trees": 20,
        "max_cells": 3,
    }
)
