"""The model card: what a bundle is for, where it comes from, what it reaches and what nobody knows."""

from models.bundle import Interval, Manifest
from training.evaluate import Comparison

INTENDED_USE = "For research use only. Not for use in diagnostic procedures."

LIMITS = """\
- Every C-NMC subject has cells of one class only, one expert labelled them, age and sex are not given.
  Discrimination inside one patient, mixed samples, other cell types, therapy follow-up and residual disease
  are untested; blasts and hematogones may need flow cytometry.
- Neither word is about a patient: malignant is the class `all` (a B-lymphoblast of ALL), healthy the class
  `hem` (a normal B-lymphoid precursor) of single cells.
- The images were stain-normalised and segmented by the data set's authors. Other cameras, stains,
  magnifications and segmentations change the answer. Sizes are in pixels; no scale is given.
- Few people stand behind the figures: the intervals are over leak groups (a person, duplicates merged), not
  over cells. Read the intervals, not the values.
- The last block was trained on patches of the train part's cells, and the head on the same cells.
- Probabilities are calibrated at the prevalence stated above, on few subjects; elsewhere they are off."""

ROWS = {
    "weighted_f1": "weighted F1",
    "auroc": "AUROC",
    "accuracy": "accuracy",
    "sensitivity": "sensitivity",
    "specificity": "specificity",
    "ece": "ECE (15 bins)",
    "brier": "Brier",
}
BASELINE_ROWS = {
    "area_auroc": "area alone: AUROC",
    "measurements_auroc": "measurements, boosted trees: AUROC",
    "measurements_weighted_f1": "measurements, boosted trees: weighted F1",
}
GAIN_ROWS = {
    "auroc_over_area": "paired gain in AUROC over area alone",
    "auroc_over_measurements": "paired gain in AUROC over measurements",
    "weighted_f1_over_measurements": "paired gain in weighted F1 over measurements",
}


def model_card(manifest: Manifest, columns: dict[str, Comparison]) -> str:
    """CARD.md of a bundle; `columns` maps a heading to its figures."""
    origin, calibration, band = manifest.origin, manifest.calibration, manifest.band
    commands = "\n".join(
        f"- {heading}: {column.figures.description}. `{column.figures.command}`"
        for heading, column in columns.items()
    )
    return f"""\
# {manifest.name} {manifest.version}

**{INTENDED_USE}**

Classifies one segmented white cell (450x450 RGB, black background, the form of C-NMC 2019) as malignant or
healthy.
Licence of the weights: {manifest.licence}.

## What it is
{manifest.architecture.name}, blocks 1 to {manifest.architecture.blocks}, on a crop of
{manifest.preprocessing.crop_px} px at native resolution around the {manifest.preprocessing.centre}; mean and
deviation of the last map over the positions inside the cell ({manifest.head.embedding_length} values), a
linear layer on them, and a linear term on {len(manifest.head.fusion)} measurements.
One pass, no averaging over rotations.

p_malignant = sigmoid({calibration.slope:.4f} x (l_malignant - l_healthy) + {calibration.intercept:+.4f}),
calibrated at {calibration.malignant_prevalence:.1%} malignant cells. Between {band.low} and {band.high} a
prediction is `indeterminate`. The figures below count every cell at 0.5, the indeterminate ones too.

## Data
{origin.data}. {origin.citation}.
Split: {origin.split}.
Seen in fitting and calibration: {origin.cells} cells of {origin.leak_groups} leak groups.
Fingerprint of names, labels, groups and splits: `{origin.data_fingerprint}`.

Starting weights: {origin.starting_weights}

## Figures
Value and 95 % interval, bootstrap over leak groups within each class.

{figures_table(columns)}

{commands}

Everything above from one command: `{origin.command}`

## Known limits
{LIMITS}
"""


def figures_table(columns: dict[str, Comparison]) -> str:
    """Markdown table, one column for each of `columns`."""
    lines = [["", *columns], ["---"] * (len(columns) + 1)]
    lines.append(["cells", *(str(column.figures.cells) for column in columns.values())])
    lines.append(
        [
            "leak groups, malignant + healthy",
            *(
                f"{column.figures.malignant_groups} + {column.figures.healthy_groups}"
                for column in columns.values()
            ),
        ]
    )
    for key, words in ROWS.items():
        lines.append([words, *(_text(column.figures.metrics[key]) for column in columns.values())])
    for key, words in BASELINE_ROWS.items():
        lines.append([words, *(_text(column.baselines[key]) for column in columns.values())])
    for key, words in GAIN_ROWS.items():
        lines.append([words, *(_text(column.gains[key]) for column in columns.values())])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _text(interval: Interval) -> str:
    return f"{interval.value:.3f} ({interval.low:.3f} to {interval.high:.3f})"
