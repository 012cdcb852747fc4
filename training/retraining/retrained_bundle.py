"""The bundle of a challenger: what it was made from, and the figures that let it pass."""

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from models.bundle import CARD, Bundle, write_bundle
from training.publishing.candidate import golden_cells, open_candidate
from training.publishing.card import INTENDED_USE, LIMITS
from training.retraining.gate import Change
from training.retraining.report import REPORT, Retraining

REVIEWED_CELLS = "report/reviewed_cells.json"
_UPLOAD = re.compile(r"[0-9a-f]{64}")


def write_challenger(
    report: Retraining, champion: Bundle, challenger: Bundle, new: Iterable[Path], store: Path
) -> Bundle:
    """Write `store/NAME/VERSION` and read it back.

    Args:
        new: pictures learned from. A reviewed one is named by the SHA-256 of its upload and listed, so that an erasure
            finds this bundle; other file names may hold names of people and are not.

    Raises:
        FileExistsError: this version exists.
    """
    manifest = challenger.manifest
    origin = manifest.origin.model_copy(
        update={
            "data": f"{champion.manifest.origin.data}; and {report.snapshot.new_cells} new cells",
            "citation": champion.manifest.origin.citation,
        }
        | ({} if report.init else {"starting_weights": _champions(champion)})
    )
    update = {
        "origin": origin,
        "these_weights": report.evaluation,
        "acquisition": champion.manifest.acquisition,
    }
    told = replace(challenger, manifest=manifest.model_copy(update=update))
    uploads = sorted(path.stem for path in new if _UPLOAD.fullmatch(path.stem))
    return write_bundle(
        store / manifest.name / manifest.version,
        told.manifest,
        told.weights,
        golden_cells(open_candidate(told)),
        {
            CARD: retrained_card(report, told).encode(),
            f"report/{REPORT}": report.model_dump_json(indent=1).encode(),
            REVIEWED_CELLS: json.dumps(uploads, indent=0).encode(),
        },
        told.statistics,
    )


def _champions(champion: Bundle) -> str:
    return f"the convolutions of {champion.id}, SHA-256 {champion.sha256}"


def retrained_card(report: Retraining, challenger: Bundle) -> str:
    """CARD.md of a challenger."""
    found, figures, origin = report.snapshot, report.evaluation, challenger.manifest.origin
    left_out = "; ".join(f"{count} {reason}" for reason, count in found.left_out.items()) or "none"
    open_questions = "\n".join(f"- {reason}" for reason in report.judgement.reasons) or "None."
    own = (
        "the ones it was made from"
        if report.replayed_as_trained
        else "**not** the ones it states it was made from"
    )
    return f"""\
# {challenger.id}

**{INTENDED_USE}**

Trained at a site, to take the place of {report.champion}. Start: {origin.starting_weights};
{report.profile.steps} steps of profile `{report.profile.name}`; head, calibration, band and limits are fitted anew.

## Data
{found.old_cells} old cells, replayed ({own}), and {found.new_cells} new ones of {found.new_leak_groups} leak groups:
{found.new_malignant} malignant, {found.new_healthy} healthy. New cells left out: {left_out}.
New cells were learned from and calibrated or judged nothing. Snapshot of names, labels, groups, splits and pixels:
`{found.sha256}`.

{origin.data}. {origin.citation}.

## Champion and challenger
On the same frozen test part: {figures.cells} cells of {figures.malignant_groups} malignant and
{figures.healthy_groups} healthy leak groups, every cell counted at 0.5. Difference with its 95 % interval, bootstrap
over leak groups within each class.

{changes_table(report.judgement.changes)}

Gate: **{report.judgement.verdict}**; sensitivity {report.judgement.sensitivity:.3f}, floor
{report.limits.sensitivity_floor:g}. What did not pass:

{open_questions}

The procedure's own column, out of fold, was not computed for this version.

Everything above from one command: `{report.command}`

## Known limits
{LIMITS}
"""


def changes_table(changes: Sequence[Change]) -> str:
    """Markdown, one line a metric."""
    lines = ["| | champion | challenger | difference | may worsen by |", "| --- | --- | --- | --- | --- |"]
    for change in changes:
        gap = change.difference
        lines.append(
            f"| {change.metric.replace('_', ' ')} | {change.champion:.3f} | {change.challenger:.3f} "
            f"| {gap.value:.3f} ({gap.low:.3f} to {gap.high:.3f}) | {change.may_worsen:g} |"
        )
    return "\n".join(lines)
