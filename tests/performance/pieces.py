"""What one cell costs each part of the service: the numbers that `CAPACITY.md` calculates with.

Processor time is read from the kernel's accounts of each process, so it is right on a busy machine, too.
"""

import os
from pathlib import Path

from tests.performance.figures import Row
from tests.performance.load import Plan, generate
from tests.performance.machine import descendants
from tests.performance.services import Service, running

CLIENTS = 16
TICKS_PER_S = os.sysconf("SC_CLK_TCK")
PIXEL_BYTES = 450 * 450 * 3


def piece_rows(service: Service, data_dir: Path, images: list[Path], seconds: float, logs: Path) -> list[Row]:
    """Load a server and divide what its processes used by the cells they answered."""
    stored = _bytes_below(data_dir / "images"), _bytes_below(data_dir, "case_log.sqlite3*")
    with running(service, images[0], logs / "pieces.log") as server:
        before = _processor_s(server.pid)
        load = generate(Plan(server.url, service.headers, [*map(str, images[1:])], CLIENTS, seconds))
        used = {role: spent - before.get(role, 0.0) for role, spent in _processor_s(server.pid).items()}
    cells = len(load.latencies_ms)
    grown = (
        _bytes_below(data_dir / "images") - stored[0],
        _bytes_below(data_dir, "case_log.sqlite3*") - stored[1],
    )
    sent = sum(path.stat().st_size for path, _ in zip(images[1:], range(cells), strict=False))
    rows = [
        _row(f"processor time a cell, {role}", f"{spent / cells * 1000:.1f} ms")
        for role, spent in used.items()
    ]
    rows += [
        _row("request body a cell, PNG", f"{sent / cells / 1000:.0f} kB"),
        _row("web to engine a cell", f"{PIXEL_BYTES / 1000:.0f} kB"),
        _row("image store a cell", f"{grown[0] / cells / 1000:.0f} kB"),
        _row("SQLite case log a cell", f"{grown[1] / cells / 1000:.1f} kB"),
    ]
    return rows


def _row(measure: str, found: str) -> Row:
    return Row(measure, found, "", found, "for CAPACITY.md")


def _processor_s(pid: int) -> dict[str, float]:
    """Seconds of user and system time so far, by what a process of the service is for."""
    spent: dict[str, float] = {}
    for process in descendants(pid):
        try:
            command = Path(f"/proc/{process}/cmdline").read_text()
            fields = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        role = "web" if process == pid else "engine" if "worker" in command else "decoders"
        spent[role] = spent.get(role, 0.0) + (int(fields[11]) + int(fields[12])) / TICKS_PER_S
    return spent


def _bytes_below(folder: Path, pattern: str = "**/*.png") -> int:
    return sum(path.stat().st_size for path in folder.glob(pattern))
