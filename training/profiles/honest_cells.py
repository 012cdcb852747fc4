r"""vgg16-cnmc 0.5.0, on a graphics card: blocks 1 to 3 trained on whole cells shrunk to 112 of 304 px, pooled inside the cell.

python -m training all --profile honest_cells --data ../shared/data/cnmc2019 \
    --init ../shared/weights/vgg16_conv_base_f16.npz --out RUN

Time: a part took about 3 minutes on an H200, eight at once on 16 processor cores (`KERAS_BACKEND=torch`); a plain loop
of PyTorch that does the same steps took 14 s, two at once (LOG.md). Two cores that multiply bfloat16 (AMX) take about a
quarter of an hour a part, others hours.
Expected out of fold: AUROC 0.914 (0.822 to 0.965), weighted F1 0.857 (0.769 to 0.920), ECE 0.020 (0.020 to 0.105); with
`--steps 3000` 0.920 (0.830 to 0.971), 0.869 (0.787 to 0.927), 0.033 (0.024 to 0.107).
"""

from models.networks import Architecture
from models.preprocessing import Preprocessing
from training.profiles import CellProfile, Variation

PROFILE = CellProfile(
    name="honest_cells",
    architecture=Architecture(name="vgg16", blocks=3),
    preprocessing=Preprocessing(crop_px=304, output_px=112, centre="cell", mean="crop"),
    variation=Variation(blur_px=0.6, stain=2.5),
    start_cells=1024,
    steps=1000,
    batch=64,
    watch_steps=250,
    trees=300,
    learning_rate=1e-4,
    label_smoothing=0.05,
    dropout=0.3,
    ema_momentum=0.99,
    head_penalty=100.0,
    calibrated_on="folds",
)
