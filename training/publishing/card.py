"""The model card: what a bundle is for, where it comes from, what it reaches and what nobody knows."""

from models.bundle import Interval, Manifest, Origin
from models.head import HeadSpec
from models.metrics import METRIC_NAMES
from models.networks import Architecture
from training.judging.baselines import BASELINE_NAMES
from training.judging.evaluate import COMPARED, Comparison

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
- Probabilities are calibrated at the prevalence stated above, on few subjects; elsewhere they are off."""

CHOSEN_LIMITS = """\
- The network's form (depth, pooling, what is subtracted, the head, how far out is too far) and how much one person's many
  cells bend the calibration were chosen on out-of-fold figures over all cells, the test part's among them: the figures
  above flatter it a little."""

BASELINE_ROWS = {
    f"{name}_{metric}": f"{words}: {METRIC_NAMES[metric]}"
    for name, words in BASELINE_NAMES.items()
    for metric in COMPARED
}
BAND_ROWS = {
    "indeterminate_share": "share of cells inside the indeterminate band",
    "sensitivity_outside": "sensitivity outside the band",
    "specificity_outside": "specificity outside the band",
}
GAIN_ROWS = {
    f"{metric}_over_{name}": f"paired gain in {METRIC_NAMES[metric]} over {words}"
    for name, words in BASELINE_NAMES.items()
    for metric in COMPARED
}


def model_card(manifest: Manifest, columns: dict[str, Comparison], limits: str = "") -> str:
    """CARD.md of a bundle; `columns` maps a heading to its figures, `limits` are those of abstaining."""
    origin, calibration, band = manifest.origin, manifest.calibration, manifest.band
    novelty = manifest.novelty
    assert novelty is not None
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
{description(manifest)}

p_malignant = sigmoid({calibration.slope:.4f} x (l_malignant - l_healthy) {calibration.intercept:+.4f}),
calibrated at {calibration.malignant_prevalence:.1%} malignant cells. The figures below count every cell at 0.5,
whatever its label.

## When it does not answer
`not_assessable`, before the network is asked: the picture fails the quality gate, whose limits are the train part's
values and a margin. `indeterminate`: the probability lies between {band.low} and {band.high}; or the prediction set is
empty or holds both labels; or the cell is unlike the training cells (relative Mahalanobis distance and distance to
neighbour {novelty.neighbour} of the embedding, Mahalanobis distance of the measurements, distance to neighbour {novelty.neighbour}
in those of texture; {novelty.kept_share:.1%} of the cells of people held out from what measures them,
{novelty.kept_groups} leak groups, lie within all four limits).

{limits or "How often that is was not judged for this version."}

## Data
{origin.data}. {origin.citation}.
Split: {origin.split}.
Seen in fitting and calibration: {origin.cells} cells of {origin.leak_groups} leak groups.
Fingerprint of names, labels, groups and splits: `{origin.data_fingerprint}`.

Starting weights: {origin.starting_weights}

## Figures
Value and 95 % interval, bootstrap over leak groups within each class.

{figures_table(columns)}

{verdicts(columns)}

{commands}

{groups_table(columns)}

Everything above from one command: `{origin.command}`{_limits_command(origin)}

## Known limits
{LIMITS}{_chosen_limits(manifest)}
"""


def description(manifest: Manifest) -> str:
    """What the network is, in a paragraph."""
    text = _network(manifest)
    if manifest.members > 1:
        text += f"\nThe mean of {manifest.members} such networks, unlike in seed or number of steps."
    return text


def _network(manifest: Manifest) -> str:
    recipe, head, base = manifest.preprocessing, manifest.head, manifest.architecture
    shrunk = recipe.output_px < recipe.crop_px
    resolution = f"shrunk to {recipe.output_px} px" if shrunk else "at native resolution"
    crop = f"on a crop of\n{recipe.crop_px} px {resolution} around the {recipe.centre}"
    if head.pooling == "cell_mean_deviation":
        return f"""\
{base.name}, blocks 1 to {base.blocks}, {crop}; mean and
deviation over the positions inside the cell of {_maps(base)} ({head.embedding_length} values), a
linear layer on them{_regressions(base)}, and a linear term on {len(head.fusion)} measurements{_trees(head, base)}.
One pass, no averaging over rotations."""
    views = f"Mean over {manifest.views} turns and mirrors." if manifest.views > 1 else "One pass."
    return f"""\
{base.name}, {crop}; the mean of its last
map ({head.embedding_length} values) and {head.dense_layers} dense layers, all trained on whole cells.
{views}"""


def _maps(base: Architecture) -> str:
    return (
        f"the last map and of block {base.blocks - 1}'s, max-pooled" if base.levels == 2 else "the last map"
    )


def _regressions(base: Architecture) -> str:
    return ", the mean of a regression on each map" if base.levels == 2 else ""


def _trees(head: HeadSpec, base: Architecture) -> str:
    share = "a third" if base.levels == 2 else "half"
    return (
        f";\n{head.trees} boosted trees on the same measurements, {share} of the margin" if head.trees else ""
    )


def _chosen_limits(manifest: Manifest) -> str:
    return f"\n{CHOSEN_LIMITS}" if manifest.head.pooling == "cell_mean_deviation" else ""


def _limits_command(origin: Origin) -> str:
    return (
        f"; the limits, later and on the same weights: `{origin.limits_command}`"
        if origin.limits_command
        else ""
    )


def figures_table(columns: dict[str, Comparison]) -> str:
    """Markdown table, one column for each of `columns`."""
    shown = list(columns.values())
    lines = [["", *columns], ["---"] * (len(columns) + 1)]
    lines.append(["cells", *(str(column.figures.cells) for column in shown)])
    groups = (f"{c.figures.malignant_groups} + {c.figures.healthy_groups}" for c in shown)
    lines.append(["leak groups, malignant + healthy", *groups])
    for rows, values in (
        (METRIC_NAMES, [column.figures.metrics for column in shown]),
        (BAND_ROWS, [column.band for column in shown]),
        (BASELINE_ROWS, [column.baselines for column in shown]),
        (GAIN_ROWS, [column.gains for column in shown]),
    ):
        lines += [
            [words, *(_text(part.get(key)) for part in values)]
            for key, words in rows.items()
            if any(key in part for part in values)
        ]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def verdicts(columns: dict[str, Comparison]) -> str:
    """One sentence a column: whether the interval of the gain over area alone lies above zero."""
    sentences = []
    for heading, column in columns.items():
        gain = column.gains["auroc_over_area"]
        said = "beats area alone" if gain.low > 0 else "is **not** shown to beat area alone"
        sentences.append(f"By these figures, {heading}: {said} (paired gain in AUROC {_text(gain)}).")
    if len(columns) == 1:
        sentences.append("The procedure's own column, out of fold, was not computed for this version.")
    return "\n".join(sentences)


def groups_table(columns: dict[str, Comparison]) -> str:
    """Markdown: the share of each leak group's cells called malignant, per column."""
    lines = ["| column | leak group | class | cells | called malignant |", "| --- | --- | --- | --- | --- |"]
    for heading, column in columns.items():
        for share in column.groups:
            values = (heading, share.group, share.label, share.cells, f"{share.called_malignant:.0%}")
            lines.append("| " + " | ".join(map(str, values)) + " |")
    return "\n".join(lines)


def _text(interval: Interval | None) -> str:
    return f"{interval.value:.3f} ({interval.low:.3f} to {interval.high:.3f})" if interval else "-"
