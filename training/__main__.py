"""`python -m training`: from labelled cells to a published bundle, one command a stage."""

from pathlib import Path
from typing import Annotated

import typer
from rich import get_console

from training.cells.splits import FOLDS
from training.profiles import changed
from training.profiles import profile as profile_named
from training.runs import FINAL, Run

app = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__)
console = get_console()

Out = Annotated[Path, typer.Option(help="Folder of the run, outside the repository.")]
Data = Annotated[Path, typer.Option(help="A data folder; the layouts are in training/cells/layouts.py.")]
Init = Annotated[
    str, typer.Option(help="none, imagenet, a file of VGG convolutions (.npz), or the folder of a bundle.")
]
ProfileName = Annotated[str, typer.Option("--profile", help="A file of training/profiles.")]
Base = Annotated[
    str,
    typer.Option(
        "--architecture", help="Another base for an image profile: vgg19, or a name of keras.applications."
    ),
]
Seed = Annotated[int | None, typer.Option("--seed", help="Another seed than the profile's.")]
Steps = Annotated[int | None, typer.Option("--steps", min=0, help="More or fewer steps than the profile's.")]
Name = Annotated[str, typer.Option(help="Name of the bundle.")]
Version = Annotated[str, typer.Option(help="Version of the bundle; an existing one is never overwritten.")]
Store = Annotated[Path, typer.Option(help="Folder of bundles.")]


@app.command()
def check(data: Data) -> None:
    """Read every picture of a data folder and say what is wrong with it; exit code 1 where something is."""
    from training.cells.data_check import check_data

    found = check_data(data)
    counts = ", ".join(f"{count} {label}" for label, count in sorted(found.cells.items()))
    console.print(f"{counts}; {len(found.subjects)} subjects, {len(found.leak_groups)} leak groups")
    for kind, findings in (("error", found.errors), ("note", found.notes)):
        for what, files in sorted(findings.items()):
            console.print(f"{kind}: {what} ({len(files)}): {', '.join(files[:5])}", soft_wrap=True)
    if not found.usable:
        raise typer.Exit(1)


@app.command()
def prepare(
    data: Data,
    init: Init,
    out: Out,
    profile: ProfileName = "honest",
    architecture: Base = "",
    seed: Seed = None,
    steps: Steps = None,
) -> None:
    """Decode the cells; for a patch profile cut patches and compute the frozen blocks once."""
    from training.fitting.parts import prepare_run

    run = Run.create(out, changed(profile_named(profile), architecture, seed, steps), data, init)
    console.print(f"{len(run.cells)} cells of {len(set(run.groups))} leak groups")
    prepare_run(run)


@app.command()
def fit(
    out: Annotated[
        list[Path], typer.Option(help="Folder of a run; repeat to train several, of other seeds say.")
    ],
    part: Annotated[
        list[str] | None, typer.Option(help="final, fold0 .. fold4, official0 .. official2, random; repeat.")
    ] = None,
    *,
    cluster: Annotated[bool, typer.Option(help="Train the parts side by side, as Ray tasks.")] = False,
    address: Annotated[str, typer.Option(help="Head of the Ray cluster; empty starts one here.")] = "",
    cpus: Annotated[float, typer.Option(help="Processors that a part reserves, 0.5 for instance.")] = 1.0,
    gpus: Annotated[float, typer.Option(help="Graphics cards that a part reserves.")] = 0.0,
) -> None:
    """Train parts of a run; goes on where a kill ended it."""
    tasks = [(folder, name) for folder in out for name in part or [FINAL]]
    if cluster:
        from training.fitting.cluster import fit_on_cluster

        fit_on_cluster(tasks, address=address, cpus=cpus, gpus=gpus, say=console.print)
        return
    from training.fitting.parts import fit_part

    for folder, name in tasks:
        fit_part(Run.open(folder), name, say=console.print)


@app.command()
def ensemble(
    out: Out, run: Annotated[list[Path], typer.Option(help="Folder of a trained run; repeat.")]
) -> None:
    """Join trained runs that differ in seed and steps into one whose network averages theirs."""
    from training.fitting.ensemble import join_runs

    joined = join_runs([Run.open(folder) for folder in run], out)
    console.print(f"{len(joined.profile.members)} networks in {out}")


@app.command()
def calibrate(out: Out) -> None:
    """Slope, intercept and indeterminate band, from the val part."""
    from training.publishing.candidate import calibrate_run

    console.print(calibrate_run(Run.open(out)))


@app.command()
def baseline(
    out: Out,
    data: Annotated[Path | None, typer.Option(help="A data folder, where RUN is no run yet.")] = None,
    init: Annotated[str | None, typer.Option(help="As for prepare; the run's own when not given.")] = None,
    profile: ProfileName = "honest",
) -> None:
    """Compute and judge what a network must beat: area, silhouette, measurements, the frozen VGG16."""
    from training.judging.frozen_reference import compute_reference
    from training.judging.reference_figures import judge_baselines

    if (out / "inputs.json").is_file():
        run = Run.open(out)
    elif data is None or init is None:
        raise typer.BadParameter(f"Expected --data and --init, since {out} is no run yet.")
    else:
        run = Run.create(out, profile_named(profile), data, init)
    compute_reference(run, init or run.inputs.init, say=lambda done: console.print(f"{done} cells"))
    for name, figures in judge_baselines(run).figures.items():
        found = (figures.metrics[metric] for metric in ("auroc", "weighted_f1"))
        console.print(name, *(f"{each.value:.3f} ({each.low:.3f} to {each.high:.3f})" for each in found))


@app.command()
def evaluate(out: Out) -> None:
    """Judge the final weights on the test part, and the procedure on the folds that were trained."""
    from training.judging.columns import evaluate_run
    from training.judging.limits_report import report_limits
    from training.publishing.candidate import CALIBRATION

    run = Run.open(out)
    for comparison in evaluate_run(run):
        console.print_json(comparison.model_dump_json())
    if (run.folder / CALIBRATION).is_file():
        console.print_json(report_limits(run).model_dump_json())


@app.command()
def probe(out: Out) -> None:
    """Ask the networks about disturbed pictures and silhouettes of cells they never saw."""
    from training.judging.robustness import probe_run

    console.print_json(probe_run(Run.open(out)).model_dump_json())


@app.command()
def report(out: Out) -> None:
    """Everything the run has figures for, as RUN/report/report.html, report.json, predictions and plots."""
    from training.report.write import write_report

    for path in write_report(Run.open(out)):
        console.print(path)


@app.command()
def publish(
    out: Out, name: Name = "vgg16-cnmc", version: Version = "0.1.0", store: Store = Path("models/store")
) -> None:
    """Write the bundle with its figures, card and report."""
    from training.publishing.publish import publish_run

    bundle = publish_run(Run.open(out), name=name, version=version, store=store)
    console.print(f"{bundle.id} {bundle.sha256}")


@app.command()
def paper_table() -> None:
    """The paper's results table from the counts behind it, and what is misprinted there."""
    from rich.table import Table

    from training.judging.paper_table import PAPER_TABLE, figures, misprints

    table = Table("network", *PAPER_TABLE[0].printed)
    for row in PAPER_TABLE:
        table.add_row(row.network, *(f"{figure:.2f}" for figure in figures(row.counts).values()))
    console.print(table)
    for wrong in misprints():
        console.print(f"{wrong.network} {wrong.figure}: printed {wrong.printed}, counts {wrong.computed}")


@app.command()
def refit(
    bundle: Annotated[Path, typer.Option(help="Folder of a published bundle.")],
    data: Data,
    out: Out,
    version: Version,
    profile: ProfileName = "honest",
    store: Store = Path("models/store"),
) -> None:
    """New limits for a bundle's weights: gate, distances, prediction sets, reference set, figures."""
    from training.publishing.refit import refit_bundle

    written = refit_bundle(
        bundle,
        data,
        out,
        profile_named(profile),
        version=version,
        store=store,
        say=lambda done: console.print(f"{done} cells"),
    )
    console.print(f"{written.id} {written.sha256}")


@app.command()
def retrain(
    champion: Annotated[Path, typer.Option(help="Folder of the bundle that answers now.")],
    data: Annotated[Path, typer.Option(help="The old cells: replayed, and their test part judges.")],
    new: Annotated[list[Path], typer.Option(help="A data folder of new cells; repeat.")],
    out: Out,
    profile: ProfileName = "head",
    init: Annotated[str, typer.Option(help="As for prepare; the champion when not given.")] = "",
    limits: Annotated[
        Path | None, typer.Option(help="Limits file; training/retraining/limits.toml when not given.")
    ] = None,
    name: Name = "vgg16-cnmc-local",
    version: Version = "0.1.0",
) -> None:
    """Train a challenger on old and new cells and let the gate judge it; exit code 1 where it does not pass."""
    from training.retraining.challenger import Sources, retrain_bundle
    from training.retraining.gate import LIMITS, Verdict, read_limits

    found = retrain_bundle(
        Sources(champion, data, tuple(new), init),
        out,
        profile_named(profile),
        read_limits(limits or LIMITS),
        name=name,
        version=version,
        say=lambda text: console.print(text, soft_wrap=True),
    )
    for reason in found.judgement.reasons:
        console.print(reason, soft_wrap=True)
    console.print(f"{found.judgement.verdict}: {found.challenger}")
    if found.judgement.verdict is not Verdict.PASSED:
        raise typer.Exit(1)


@app.command(name="all")
def everything(
    data: Data,
    init: Init,
    out: Out,
    profile: ProfileName = "honest",
    *,
    architecture: Base = "",
    seed: Seed = None,
    steps: Steps = None,
    fold: Annotated[
        list[int] | None,
        typer.Option(help="A cross-validation fold to train as well; repeat, all five when not given."),
    ] = None,
    name: Name = "vgg16-cnmc",
    version: Version = "0.1.0",
    store: Store = Path("models/store"),
) -> None:
    """Every stage in order: what reproduces a bundle."""
    prepare(data, init, out, profile, architecture, seed, steps)
    fit([out], [FINAL, *(f"fold{each}" for each in (range(FOLDS) if fold is None else fold))])
    calibrate(out)
    baseline(out)
    evaluate(out)
    probe(out)
    report(out)
    publish(out, name, version, store)


if __name__ == "__main__":
    app()
