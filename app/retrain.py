"""A challenger for the model that answers: trained in a process of its own, judged by the gate, registered if it passes.

Nothing here touches the model that answers; only `leukolens models activate` does.
"""

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import UUID

from sqlalchemy.orm import Session

from app.accounts.tables import User
from app.audit.service import Actor
from app.database import Database
from app.dataset.service import DatasetService
from app.errors import BadRequest
from app.image_store import ImageStore
from app.registry.service import RegistryService
from app.retraining.process import run_training
from app.retraining.service import RetrainingService
from app.retraining.tables import GateVerdict, Retraining
from app.retraining.workplace import REVIEWED, STORE, workplace
from app.settings import Settings
from models.bundle import STORE as SHIPPED
from models.bundle import copy_bundle
from models.classifier import Classifier

LOCAL = "-local"
"""Ends the name of what was trained at a site, so that it never takes a number of a shipped model."""


@dataclass(frozen=True)
class Wanted:
    """What to learn from. data: a folder of new cells. reviewed_of: a site whose permitted cells are taken, too.

    replay: the old cells, whose test part judges. profile, init, limits: as `python -m training retrain` takes them.
    """

    data: Path | None
    replay: Path
    reviewed_of: UUID | None
    profile: str
    init: str
    limits: Path | None


@dataclass(frozen=True)
class Retrainer:
    """Opens its own units of work."""

    settings: Settings
    database: Database
    now: Callable[[], datetime]

    def retrain(self, who: Actor, wanted: Wanted, say: Callable[[str], None]) -> Retraining:
        """Train and judge; a challenger that passes is a candidate when this returns.

        Raises:
            BadRequest: nothing to learn from, or training ended without a verdict. Conflict: another one is running.
            BundleRefused: the site takes signed bundles only; the challenger stays in its folder to be signed.
        """
        if wanted.data is None and wanted.reviewed_of is None:
            raise BadRequest("Expected new cells: --data DIR, --include-reviewed, or both.")
        started = self.now()
        with (
            workplace(self.settings.retraining_dir, started) as place,
            self._reviewed(who, wanted, place, say) as reviewed,
        ):
            new = [folder for folder in (wanted.data, place / REVIEWED if reviewed else None) if folder]
            if not new:
                raise BadRequest(
                    "No reviewed cell is permitted and independently labelled; `leukolens dataset export` counts why."
                )
            outcome = run_training(place, self._arguments(wanted, new), say)
        with self.database.unit_of_work() as session:
            row = RetrainingService(session, self.now()).keep(
                who,
                outcome,
                folder=place.name,
                started_at=started,
                reviewed_cells=reviewed,
            )
        if row.verdict is GateVerdict.PASSED:
            self._make_candidate(who, row)
        return row

    def override(self, number: int, admins: Sequence[User], reason: str) -> Retraining:
        """Two admins let an inconclusive challenger become a candidate.

        Raises:
            As `RetrainingService.override` and `retrain`.
        """
        with self.database.unit_of_work() as session:
            row = RetrainingService(session, self.now()).override(number, admins, reason)
        self._make_candidate(admins[0], row)
        return row

    def _champion(self) -> Path:
        with self.database.unit_of_work() as session:
            registry = self._registry(session)
            registry.seed(self.settings.model)
            return registry.folder(registry.active())

    @contextmanager
    def _reviewed(self, who: Actor, wanted: Wanted, place: Path, say: Callable[[str], None]) -> Iterator[int]:
        """How many reviewed cells lie in PLACE/reviewed for as long as this is held."""
        if wanted.reviewed_of is None:
            yield 0
            return
        dataset = DatasetService(
            self.database, ImageStore(self.settings.image_dir), self.settings.secret, self.now
        )
        exported = dataset.export(who, wanted.reviewed_of, place / REVIEWED)
        say(f"{exported.cells} reviewed cells of {exported.people} people")
        try:
            yield exported.cells
        finally:
            shutil.rmtree(place / REVIEWED)
            dataset.forget(exported.export_id)

    def _arguments(self, wanted: Wanted, new: Sequence[Path]) -> list[str | Path]:
        champion = self._champion()
        name, version = self._next_id(champion)
        return [
            *("--champion", champion, "--data", wanted.replay, "--profile", wanted.profile),
            *(word for folder in new for word in ("--new", folder)),
            *(("--init", wanted.init) if wanted.init else ()),
            *(("--limits", wanted.limits) if wanted.limits else ()),
            *("--name", name, "--version", version),
        ]

    def _make_candidate(self, who: Actor, row: Retraining) -> None:
        """Imported through the checks of every import, tried on its golden cells, registered."""
        store = self.settings.retraining_dir / row.folder / STORE
        Classifier.open(store / row.challenger, self.settings.engine, row.challenger_sha256)
        copy_bundle(store / row.challenger, self.settings.model_dir, signed_by=self.settings.model_key)
        with self.database.unit_of_work() as session:
            self._registry(session).register(who, row.challenger)

    def _next_id(self, champion: Path) -> tuple[str, str]:
        """The champion's name, marked as local, and a minor version nobody has."""
        name = champion.parent.name.removesuffix(LOCAL) + LOCAL
        taken = [
            int(path.name.split(".")[1])
            for store in (self.settings.model_dir, *self.settings.retraining_dir.glob(f"*/{STORE}"))
            for path in (store / name).glob("0.*.*")
        ]
        return name, f"0.{max(taken, default=0) + 1}.0"

    def _registry(self, session: Session) -> RegistryService:
        return RegistryService(
            session,
            (self.settings.model_dir, SHIPPED),
            self.now(),
            signed_by=self.settings.model_key,
        )
