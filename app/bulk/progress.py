"""The progress bar of bulk scoring."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from app.bulk.service import Progress


@contextmanager
def shown_progress(console: Console) -> Iterator[Callable[[Progress], None]]:
    """Draw a bar on the console for as long as it is held; call what it gives with every `Progress`."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Bar(*columns, console=console) as bar:
        task = bar.add_task("reading the model", total=None)

        def show(progress: Progress) -> None:
            done = progress.kept + progress.scored + progress.refused
            text = f"{progress.refused} refused" if progress.refused else "scoring"
            bar.update(task, description=text, total=progress.images, completed=done)

        yield show
