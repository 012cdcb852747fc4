"""Ours against the peers over HTTP: throughput, latency, start, memory, in paired and alternated rounds."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path

from tests.performance.figures import Bound, Row, quantile, ratio_row
from tests.performance.load import Load, Plan, generate
from tests.performance.machine import summed_pss_mb
from tests.performance.services import Running, Service, running

MANY = 16
AGREE_WITHIN = 1e-3
PREDICT, BATCHED, SHIPPED, SAME_NET = "predict", "batched", "shipped", "same net"


@dataclass(frozen=True)
class Pace:
    """rounds: how often every service is started. one_s, many_s: windows with 1 and with 16 clients."""

    rounds: int
    one_s: float
    many_s: float


@dataclass(frozen=True)
class Visit:
    """What one round found of one service."""

    first_answer_s: float
    one: Load
    many: Load
    pss_mb: float
    p_malignant: float


Visits = dict[str, list[Visit]]


def measure_serving(
    services: dict[str, Service], images: list[Path], pace: Pace, logs: Path, say: Callable[[str], None]
) -> Visits:
    """Visit every service once a round, in the opposite order every other round; its very first start does not count."""
    supply = cycle(images)
    for name, each in services.items():
        with _started(each, images, logs, name) as service:
            say(f"{each.name}: its first start of all took {service.first_answer_s:.1f} s")
    visits: Visits = {name: [] for name in services}
    for number in range(pace.rounds):
        order = list(services) if number % 2 == 0 else list(reversed(services))
        for name in order:
            with _started(services[name], images, logs, name) as service:
                visit = _visit(service, supply, images, pace)
            visits[name].append(visit)
            say(
                f"round {number + 1}/{pace.rounds} {services[name].name}: {visit.many.per_second:.1f} images/s with "
                f"{MANY} clients, {visit.one.per_second:.1f} with one, first answer after {visit.first_answer_s:.1f} s, "
                f"{visit.pss_mb:.0f} MB, {visit.many.busy} times busy"
            )
    return visits


def _started(service: Service, images: list[Path], logs: Path, name: str) -> AbstractContextManager[Running]:
    return running(service, images[0], logs / f"{name.replace(' ', '-')}.log")


def _visit(service: Running, supply: Iterator[Path], images: list[Path], pace: Pace) -> Visit:
    probabilities = service.ask(images[0])["probabilities"]
    assert isinstance(probabilities, dict)
    one = _load(service, supply, len(images), 1, pace.one_s)
    many = _load(service, supply, len(images), MANY, pace.many_s)
    return Visit(
        service.first_answer_s, one, many, summed_pss_mb(service.pid), float(probabilities["malignant"])
    )


def _load(service: Running, supply: Iterator[Path], count: int, clients: int, seconds: float) -> Load:
    chosen = [str(path) for path in islice(supply, count)]
    return generate(Plan(service.url, service.service.headers, chosen, clients, seconds))


def serving_rows(visits: Visits, names: dict[str, str]) -> list[Row]:
    """The table's lines, the shipped bundle first where it was measured."""
    rows: list[Row] = []
    for ours in (SHIPPED, SAME_NET):
        if ours in visits:
            rows += _rows_of(visits, ours, names[ours])
    return rows


def _rows_of(visits: Visits, ours: str, name: str) -> list[Row]:
    def row(what: str, unit: str, value: Callable[[Visit], float], peer: str, bound: Bound | None) -> Row:
        measure = f"{what}; {name} against {names_of[peer]}"
        return ratio_row(measure, unit, [*map(value, visits[ours])], [*map(value, visits[peer])], bound)

    names_of = {PREDICT: "FastAPI + model.predict", BATCHED: "micro-batched tf.function"}
    rows = [
        row(f"images/s, {MANY} clients", "/s", _many_rate, PREDICT, Bound(3.7, at_least=True, aim=6)),
        row(f"images/s, {MANY} clients", "/s", _many_rate, BATCHED, Bound(2.4, at_least=True)),
        row("images/s, 1 client", "/s", lambda visit: visit.one.per_second, PREDICT, None),
        row(
            "p50 latency, 1 client", "ms", lambda visit: quantile(visit.one.latencies_ms, 0.5), PREDICT, None
        ),
        row("p95 latency, 1 client", "ms", _one_p95, PREDICT, Bound(0.65, at_least=False, aim=0.4)),
        row(
            "p99 latency, 1 client", "ms", lambda visit: quantile(visit.one.latencies_ms, 0.99), PREDICT, None
        ),
        row(f"p50 latency, {MANY} clients", "ms", _many_quantile(0.5), PREDICT, None),
        row(f"p95 latency, {MANY} clients", "ms", _many_quantile(0.95), PREDICT, Bound(0.25, at_least=False)),
        row(f"p99 latency, {MANY} clients", "ms", _many_quantile(0.99), PREDICT, None),
        row(f"p95 latency, {MANY} clients", "ms", _many_quantile(0.95), BATCHED, None),
        row(
            "start to first answer",
            "s",
            lambda visit: visit.first_answer_s,
            PREDICT,
            Bound(0.35, at_least=False),
        ),
        row("summed PSS", "MB", lambda visit: visit.pss_mb, PREDICT, Bound(0.9, at_least=False, aim=0.6)),
    ]
    if ours == SAME_NET:
        rows.append(_agreement(visits))
    return rows


def _agreement(visits: Visits) -> Row:
    """The same weights on the same cell must say the same, or the comparison is none."""
    difference = max(
        abs(mine.p_malignant - other.p_malignant)
        for mine, other in zip(visits[SAME_NET], visits[PREDICT], strict=True)
    )
    return Row(
        "same net, same cell: difference in probability",
        "",
        "",
        f"{difference:.1e}",
        f"<= {AGREE_WITHIN:g}",
        difference <= AGREE_WITHIN,
    )


def _many_rate(visit: Visit) -> float:
    return visit.many.per_second


def _one_p95(visit: Visit) -> float:
    return quantile(visit.one.latencies_ms, 0.95)


def _many_quantile(share: float) -> Callable[[Visit], float]:
    return lambda visit: quantile(visit.many.latencies_ms, share)
