"""Write a run as a bundle: manifest, weights, golden cells, card, report."""

from pathlib import Path

from models.bundle import CARD, Bundle, write_bundle
from training.fitting.initial_weights import IMAGENET, NONE
from training.judging.abstention import abstention_text
from training.judging.columns import PROCEDURE, THESE_WEIGHTS, read_column
from training.judging.evaluate import Comparison
from training.judging.limits_report import read_limits_report
from training.profiles import profile as profile_named
from training.publishing.candidate import candidate, golden_cells, open_candidate
from training.publishing.card import figures_table, model_card
from training.runs import Run

HEADINGS = {THESE_WEIGHTS: "these weights", PROCEDURE: "the procedure"}


def publish_run(run: Run, *, name: str, version: str, store: Path) -> Bundle:
    """Write `store/name/version` and read it back.

    Raises:
        ValueError: the run was not evaluated. FileExistsError: this version exists.
    """
    columns: dict[str, Comparison] = {}
    for column in HEADINGS:
        found = read_column(run, column)
        if found is not None:
            columns[column] = found[0]
    if THESE_WEIGHTS not in columns:
        raise ValueError(f"Expected {run.folder} to be evaluated before it is published.")
    bundle = candidate(
        run,
        name=name,
        version=version,
        command=reproduction_command(run),
        these_weights=columns[THESE_WEIGHTS].figures,
        procedure=columns[PROCEDURE].figures if PROCEDURE in columns else None,
    )
    limits = read_limits_report(run)
    text = abstention_text(limits.parts, limits.strangers, bundle.manifest.conformal) if limits else ""
    named = {HEADINGS[column]: comparison for column, comparison in columns.items()}
    files = {
        CARD: model_card(bundle.manifest, named, text).encode(),
        "report/figures.md": f"{figures_table(named)}\n\n{text}\n".encode(),
        **({"report/limits.json": limits.model_dump_json(indent=1).encode()} if limits else {}),
        **{f"report/{column}.json": c.model_dump_json(indent=1).encode() for column, c in columns.items()},
        **{f"report/{path.name}": path.read_bytes() for path in (run.folder / "report").iterdir()},
    }
    return write_bundle(
        store / name / version,
        bundle.manifest,
        bundle.weights,
        golden_cells(open_candidate(bundle)),
        files,
        bundle.statistics,
    )


def reproduction_command(run: Run) -> str:
    """What repeats a run, with the folders' names in place of their paths."""
    profile, inputs = run.profile, run.inputs
    init = inputs.init if inputs.init in (NONE, IMAGENET) else Path(inputs.init).name
    words = [
        "python -m training all",
        f"--profile {profile.name}",
        f"--data {inputs.data.name}",
        f"--init {init}",
    ]
    if profile.architecture != profile_named(profile.name).architecture:
        words.append(f"--architecture {profile.architecture.name}")
    words += [f"--fold {fold}" for fold in run.folds_done()]
    command = " ".join(words)
    if not profile.members:
        return f"{command} --seed {profile.seed} --steps {profile.steps} --out RUN"
    numbered = list(enumerate(profile.members, start=1))
    each = ", ".join(f"--seed {one.seed} --steps {one.steps} --out RUN{number}" for number, one in numbered)
    runs = " ".join(f"--run RUN{number}" for number, _ in numbered)
    return f"{command}, with {each}; then python -m training ensemble {runs} --out RUN"
