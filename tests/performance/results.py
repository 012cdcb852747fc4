"""The table, on the screen and in `RESULTS.md`."""

from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.performance.figures import Row

RESULTS = Path(__file__).parent / "RESULTS.md"
HEADINGS = ("measure", "ours", "against", "found", "asked", "")


def show(rows: list[Row], console: Console) -> None:
    """Print the table."""
    table = Table(*HEADINGS)
    for row in rows:
        table.add_row(*_cells(row), style="red" if row.met is False else None)
    console.print(table)


def save(parts: dict[str, list[Row]], machine: dict[str, str], command: str, notes: list[str]) -> None:
    """Write `RESULTS.md`; parts that were not measured this time stay as they were, with their own heading."""
    kept = _parts_of(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    for name, rows in parts.items():
        lines = [f"`{command}`", "", *(f"- {key}: {value}" for key, value in machine.items())]
        lines += [f"- {note}" for note in notes]
        lines += ["", f"| {' | '.join(HEADINGS)} |", "|" + "---|" * len(HEADINGS)]
        lines += [f"| {' | '.join(_cells(row))} |" for row in rows]
        kept[name] = "\n".join(lines)
    RESULTS.write_text(
        _PREFACE + "".join(f"\n## {name}\n\n{kept[name]}\n" for name in sorted(kept)), encoding="utf-8"
    )


_PREFACE = """# Measured

Written by `leukolens bench --save`. Values are medians over rounds with the smallest and the largest; a ratio is
taken inside each round, where both sides ran one after the other, and its order turns every round. A bound on a ratio
is held against the median, one on a value by itself against the worst round. Every request carries a different image.
What is asked is the table of the project's plan; `missed` says so. Where the load before a run is far from 0, others
used the machine, too: its times are too long, and a ratio from one round sets two different minutes against each
other. Of such a run only memory, counts and equality may be relied on.
"""


def _parts_of(text: str) -> dict[str, str]:
    """The sections of a results file by heading."""
    found = {}
    for part in text.split("\n## ")[1:]:
        name, _, body = part.partition("\n")
        found[name] = body.strip()
    return found


def _cells(row: Row) -> tuple[str, ...]:
    verdict = {True: "met", False: "missed", None: ""}[row.met]
    return (row.measure, row.ours, row.theirs, row.found, row.asked, verdict)
