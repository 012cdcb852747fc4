"""The machine under the benchmark, and what its processes hold of it."""

import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PACKAGES = ("ncnn", "tensorflow", "keras", "numpy", "fastapi", "uvicorn", "httpx2", "sqlalchemy", "psycopg")


def describe() -> dict[str, str]:
    """CPU, cores, memory, load before the run, versions, revision: one line each."""
    return {
        "CPU": _cpu(),
        "cores": f"{len(os.sched_getaffinity(0))}",
        "memory": f"{_meminfo('MemTotal') / 2**30:.1f} GiB, {_meminfo('MemAvailable') / 2**30:.1f} GiB available",
        "load before": " ".join(f"{load:.2f}" for load in os.getloadavg()),
        "system": f"{platform.system()} {platform.release()}, Python {platform.python_version()}",
        "versions": ", ".join(f"{name} {_version(name)}" for name in PACKAGES),
        "revision": _revision(),
    }


def descendants(pid: int) -> list[int]:
    """A process and everything it started, by parent."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        children.setdefault(int(fields[1]), []).append(int(stat.parent.name))
    found, waiting = [], [pid]
    while waiting:
        found.append(waiting.pop())
        waiting += children.get(found[-1], [])
    return found


def summed_pss_mb(pid: int) -> float:
    """Proportional set size of a process tree: a page shared by n processes counts 1/n in each."""
    total = 0
    for process in descendants(pid):
        try:
            rollup = Path(f"/proc/{process}/smaps_rollup").read_text()
        except OSError:
            continue
        total += next(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:"))
    return total / 1024


def resident_mb(pid: int) -> float:
    """Resident set size of one process."""
    status = Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS:")) / 1024


def _cpu() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    fields = dict(line.split(":", 1) for line in lines if ":" in line)
    named = {name.strip(): value.strip() for name, value in fields.items()}
    wide = "AVX-512" if "avx512f" in named.get("flags", "") else "AVX2"
    return f"{named.get('model name', platform.machine())}, {wide}"


def _meminfo(name: str) -> int:
    lines = Path("/proc/meminfo").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:")) * 1024


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def _revision() -> str:
    asked = subprocess.run(
        ["git", "describe", "--always", "--dirty"],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parent,
    )
    return asked.stdout.strip() or "no git checkout"
