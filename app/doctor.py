"""`leukolens doctor`: looks at every part of an installation and says plainly what is wrong and what to do."""

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.audit.heads import HeadFile
from app.audit.trail import TrailService
from app.database import Database, open_database
from app.errors import LeukolensError
from app.monitoring.figures import AlertLevel
from app.monitoring.service import MonitoringService
from app.registry.service import RegistryService
from app.schema import is_current
from app.settings import Settings
from models.bundle import BundleRefused
from models.classifier import Classifier, EngineDisagrees
from models.engines import EngineUnavailable

GIB = 1024**3
LEAST_FREE_BYTES = GIB // 2
LITTLE_FREE_BYTES = 5 * GIB
LONGEST_WAIT = timedelta(minutes=10)
LONGEST_WITHOUT_SUMMARY = timedelta(hours=36)


class Health(StrEnum):
    """Of one part. `worth_a_look` stops nothing today."""

    GOOD = "good"
    WORTH_A_LOOK = "worth_a_look"
    BROKEN = "broken"


@dataclass(frozen=True)
class Finding:
    """What was seen at one part. remedy: what to do, empty where all is well."""

    part: str
    health: Health
    seen: str
    remedy: str = ""


def examine(settings: Settings, stores: Sequence[Path], now: datetime) -> list[Finding]:
    """Every part in turn; one that cannot be looked at is broken, and the others are looked at nevertheless."""
    engine = open_database(settings.database)
    patient = _Patient(settings, stores, now, engine)
    try:
        return [_looked_at(part, look, patient) for part, look in _PARTS.items()]
    finally:
        engine.dispose()


@dataclass(frozen=True)
class _Patient:
    settings: Settings
    stores: Sequence[Path]
    now: datetime
    engine: sa.Engine

    @contextmanager
    def session(self) -> Iterator[Session]:
        with Database(self.engine).reading() as session:
            yield session

    @contextmanager
    def monitoring(self) -> Iterator[MonitoringService]:
        with self.session() as session:
            yield MonitoringService(session, self.stores, self.now)


def _looked_at(part: str, look: Callable[[_Patient], Finding], patient: _Patient) -> Finding:
    try:
        return look(patient)
    except (
        LeukolensError,
        BundleRefused,
        EngineDisagrees,
        EngineUnavailable,
        OSError,
        sa.exc.SQLAlchemyError,
    ) as found:
        said = found.detail if isinstance(found, LeukolensError) else str(found).splitlines()[0]
        return Finding(part, Health.BROKEN, said, _REMEDIES[part])


def _database(patient: _Patient) -> Finding:
    if is_current(patient.engine):
        return Finding("database", Health.GOOD, "The case log answers and is at the newest revision.")
    return Finding(
        "database",
        Health.BROKEN,
        "The case log is not at the newest revision.",
        "Run `leukolens db upgrade`.",
    )


def _disk(patient: _Patient) -> Finding:
    free = shutil.disk_usage(patient.settings.data_dir).free
    seen = f"{free / GIB:.1f} GiB are free at {patient.settings.data_dir}."
    if free < LEAST_FREE_BYTES:
        return Finding("disk", Health.BROKEN, seen, "Free space now: uploads are about to be refused.")
    if free < LITTLE_FREE_BYTES:
        return Finding("disk", Health.WORTH_A_LOOK, seen, "Free space, or move the data folder.")
    return Finding("disk", Health.GOOD, seen)


def _model(patient: _Patient) -> Finding:
    with patient.session() as session:
        registry = RegistryService(session, patient.stores, patient.now)
        active = registry.active()
        bundle = registry.bundle(active.name, active.version)
    return Finding("model", Health.GOOD, f"{bundle.id} is active and every byte verifies.")


def _engine(patient: _Patient) -> Finding:
    """Opening a bundle holds the engine against its golden outputs."""
    with patient.session() as session:
        registry = RegistryService(session, patient.stores, patient.now)
        active = registry.active()
        folder = registry.folder(active)
    classifier = Classifier.open(folder, patient.settings.engine, active.sha256)
    return Finding("engine", Health.GOOD, f"{classifier.engine.name} reproduces the golden outputs here.")


def _sweep(patient: _Patient) -> Finding:
    with patient.monitoring() as monitoring:
        late = monitoring.waiting_longer_than(LONGEST_WAIT)
    if late:
        seen = f"{late} cells have waited for the engine for more than {LONGEST_WAIT.seconds // 60} minutes."
        return Finding(
            "sweep", Health.BROKEN, seen, "Start `leukolens serve`; look for `cell_not_scored` in its log."
        )
    return Finding("sweep", Health.GOOD, "No stored cell waits for its prediction.")


def _audit(patient: _Patient) -> Finding:
    heads = HeadFile(patient.settings.data_dir).read()
    with patient.session() as session:
        broken = TrailService(session, None).verify(heads)
    if broken is None:
        return Finding("audit", Health.GOOD, f"The trail is whole; {len(heads)} exported heads agree.")
    seen = f"The audit trail breaks at line {broken.number}. {broken.why}"
    return Finding("audit", Health.BROKEN, seen, _REMEDIES["audit"])


def _alerts(patient: _Patient) -> Finding:
    with patient.monitoring() as monitoring:
        alerts, summarised = monitoring.all_alerts(), monitoring.summarised_on()
    if summarised is None or patient.now - summarised > LONGEST_WITHOUT_SUMMARY:
        seen = "There is no nightly summary of every site from the last day and a half."
        return Finding("alerts", Health.WORTH_A_LOOK, seen, "Run `leukolens monitoring summarise`.")
    if not alerts:
        return Finding("alerts", Health.GOOD, "No watched figure of any site stands out.")
    worst = Health.BROKEN if any(alert.level is AlertLevel.ALERT for alert in alerts) else Health.WORTH_A_LOOK
    return Finding("alerts", worst, " ".join(alert.sentence for alert in alerts), _REMEDIES["alerts"])


_PARTS: dict[str, Callable[[_Patient], Finding]] = {
    "database": _database,
    "disk": _disk,
    "model": _model,
    "engine": _engine,
    "sweep": _sweep,
    "audit": _audit,
    "alerts": _alerts,
}

_REMEDIES = {
    "database": "Check LEUKOLENS_DATABASE_URL and that the server behind it runs; then `leukolens db upgrade`.",
    "disk": "Check LEUKOLENS_DATA_DIR: the folder must exist and be writable.",
    "model": "Run `leukolens models list`, then `leukolens models verify NAME/VERSION` and activate one that verifies.",
    "engine": "Run `leukolens models verify NAME/VERSION`; try LEUKOLENS_ENGINE=ncnn.",
    "sweep": "Repair the database first.",
    "audit": "Keep the file of heads and a copy of the database, and find out who changed the trail.",
    "alerts": "Open /monitoring and look at what changed in the laboratory.",
}
