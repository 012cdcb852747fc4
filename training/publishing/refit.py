"""New limits for the weights of a published bundle: the same network and probabilities, another version."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from models.bundle import CARD, Bundle, read_bundle, write_bundle
from training.calibration.limits import fit_limits
from training.calibration.observe import Seen, observe
from training.cells.dataset import LabelledCell, read_dataset, read_pixels
from training.cells.splits import frozen_split
from training.judging.abstention import LimitsReport, abstention_text, judge_part, judge_strangers
from training.judging.evaluate import Comparison
from training.judging.limits_report import STRANGERS_A_KIND
from training.profiles import Profile
from training.publishing.candidate import golden_cells, open_candidate
from training.publishing.card import figures_table, model_card
from training.publishing.publish import HEADINGS

JUDGED = ("val", "test")


def refit_bundle(
    folder: Path,
    data: Path,
    out: Path,
    profile: Profile,
    *,
    version: str,
    store: Path,
    say: Callable[[int], None],
) -> Bundle:
    """Fit limits for the bundle in `folder` and write `store/<its name>/<version>`.

    Args:
        data: the data set it was trained on, with its frozen split. out: pieces of a stopped run.
        profile: the one it was trained with; the head is refitted with its penalty for the prediction sets.
    """
    old, cells = read_bundle(folder), read_dataset(data)
    frozen_split(cells)
    seen = observe(old, cells, out / "observed", say)
    limits = fit_limits(seen.where(seen.observed.parts != "test").observed, recipe=profile.head_recipe)
    command = f"python -m training refit --bundle {old.id} --data {data.name} --version {version} --out OUT"
    changed = {
        "version": version,
        "created_at": datetime.now(UTC).replace(microsecond=0),
        "origin": old.manifest.origin.model_copy(update={"limits_command": command}),
        **limits.fields,
    }
    manifest = old.manifest.model_copy(update=changed)
    bundle = Bundle(manifest, "", old.weights, (), "", limits.statistics)
    report = judge_limits(bundle, seen, cells, command)
    return write_bundle(
        store / manifest.name / version,
        manifest,
        bundle.weights,
        golden_cells(open_candidate(bundle)),
        report_files(folder, bundle, report),
        bundle.statistics,
    )


def judge_limits(bundle: Bundle, seen: Seen, cells: list[LabelledCell], command: str) -> LimitsReport:
    """What the limits do on held-out people and on drawn strangers; these are made from test cells."""
    test = np.flatnonzero(seen.observed.parts == "test")
    chosen = test[np.linspace(0, len(test) - 1, STRANGERS_A_KIND).astype(int)]
    pictures = [read_pixels(cells[row]) for row in chosen]
    return LimitsReport(
        command=command,
        parts=[judge_part(bundle, seen, part) for part in JUDGED],
        strangers=judge_strangers(open_candidate(bundle), pictures),
    )


def report_files(folder: Path, bundle: Bundle, report: LimitsReport) -> dict[str, bytes]:
    """The card and report of the bundle before, with the new limits' own figures."""
    columns = {
        heading: Comparison.model_validate_json((folder / f"report/{column}.json").read_bytes())
        for column, heading in HEADINGS.items()
        if (folder / f"report/{column}.json").is_file()
    }
    text = abstention_text(report.parts, report.strangers, bundle.manifest.conformal)
    kept = {f"report/{path.name}": path.read_bytes() for path in sorted((folder / "report").iterdir())}
    return kept | {
        CARD: model_card(bundle.manifest, columns, text).encode(),
        "report/figures.md": f"{figures_table(columns)}\n\n{text}\n".encode(),
        "report/limits.json": report.model_dump_json(indent=1).encode(),
    }
