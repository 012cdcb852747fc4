r"""The paper's VGG16 as it is written, for comparison: its split by image lets everyone be on every side.

python -m training prepare --profile paper --data C-NMC --init none --out RUN
python -m training fit --out RUN --part random

Time: for a GPU host. 400 epochs of 20,000 images take 14 hours on a T4 with mixed precision, 1 hour on an H100; two
CPU cores train 0.9 images a second, 100 days. Expected on all of C-NMC 2019 with equal classes, 339 + 339 test images,
in per cent: accuracy 92.48, precision 91.14, sensitivity 94.10, specificity 90.86, F1 92.60. On unseen people
(`--part final`, `--part fold0`, ...) expect less: this network had weighted F1 83.25 in the challenge.

The batch is the code's, the paper names none. How far a copy is sheared and how much noise it gets is ours.
Source: Mauricio de Oliveira and Dantas (2021), doi:10.5220/0010257406850692.
"""

from models.networks import Architecture
from models.preprocessing import PAPER
from training.profiles import Copies, ImageProfile

EPOCH = 1000
"""Steps of 20 images: 10,000 of each class."""

PROFILE = ImageProfile(
    name="paper",
    architecture=Architecture(name="vgg16"),
    preprocessing=PAPER,
    examples=Copies(train_per_class=10_000, val_per_class=5_000, blur_px=17, shears=("x", "y", "both")),
    steps=400 * EPOCH,
    batch=20,
    watch_steps=EPOCH,
    learning_rate=1e-5,
    schedule="exponential",
    final_rate=1e-6,
    label_smoothing=0.0,
    dropout=0.5,
    l1=1e-4,
    l2=1e-4,
    ema_momentum=0.0,
    head_penalty=30.0,
)
