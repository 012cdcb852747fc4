"""A running app: real database at the newest revision, real image store, real decoder processes, a small real model."""

import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import anyio.to_thread
import pytest
import sqlalchemy as sa
from starlette.testclient import TestClient

from app import schema
from app.accounts.keys import KeyService
from app.accounts.permissions import Identity, Role, Scope
from app.accounts.service import AccountService
from app.accounts.sessions import identity_of
from app.clock import utc_now
from app.database import Database, open_database
from app.errors import EngineUnavailable, LeukolensError
from app.inference.scorer import ModelRef, Question, Score
from app.inference.upload import encode_png
from app.main import create_app
from app.registry.service import bundle_folder
from app.services import Services
from app.settings import Settings
from models.bundle import STORE, BundleRefused
from models.classifier import Classifier, EngineDisagrees
from models.drawn_cells import draw_cell
from tests.bundles import NAME, make_bundle
from tests.postgresql import new_database

PASSWORD = "a long enough password"


@dataclass
class InProcessScorer:
    """A `Scorer` without an engine process: the real classifier, in a thread.

    fails_with: raised instead of an answer, once for each entry.
    """

    folder: Path
    fails_with: list[LeukolensError] = field(default_factory=list)
    asked: int = 0
    _classifier: Classifier | None = None

    async def score(self, question: Question, *, deadline_s: float) -> Score:
        self.asked += 1
        if self.fails_with:
            raise self.fails_with.pop(0)
        self._classifier = self._classifier or Classifier.open(self.folder, "ncnn", question.model.sha256)
        classifier = self._classifier
        output = (await anyio.to_thread.run_sync(classifier.classify, [question.pixels]))[0]
        band = classifier.bundle.manifest.band
        return Score(output, question.model, classifier.engine.name, 1, (band.low, band.high), 1.0)

    async def load(self, model: ModelRef) -> None:
        try:
            folder = bundle_folder((self.folder.parents[1], STORE), model.name, model.version)
            await anyio.to_thread.run_sync(Classifier.open, folder, "ncnn", model.sha256)
        except (BundleRefused, EngineDisagrees) as refused:
            raise EngineUnavailable(f"The engine cannot load the model: {refused}") from refused

    async def ready(self) -> bool:
        return True


@dataclass
class RunningApp:
    """The app under test and what a test needs to look behind it."""

    client: TestClient
    settings: Settings
    scorer: InProcessScorer
    engine: sa.Engine

    @property
    def services(self) -> Services:
        services: Services = self.client.app.state.services  # type: ignore[attr-defined]
        return services

    def key(self, *scopes: Scope) -> dict[str, str]:
        """Headers of a new key."""
        with Database(self.engine).unit_of_work() as session:
            given = (session, self.settings.secret, utc_now())
            site = AccountService(*given).site()
            _, token = KeyService(*given).create(site, "test system", list(scopes))
        return {"Authorization": f"Bearer {token}"}

    def person(self, role: Role) -> str:
        """E-mail of a new account."""
        email = f"{role}-{uuid.uuid4().hex[:8]}@lab.example"
        with Database(self.engine).unit_of_work() as session:
            AccountService(session, self.settings.secret, utc_now()).add_user(
                email, f"A {role}", PASSWORD, role
            )
        return email

    def identity(self, role: Role = Role.REVIEWER) -> Identity:
        """What the guard would make of a new signed-in person."""
        email = self.person(role)
        with Database(self.engine).reading() as session:
            accounts = AccountService(session, self.settings.secret, utc_now())
            return identity_of(accounts.user_by_email(email))

    def count(self, table: str) -> int:
        with self.engine.connect() as connection:
            return int(connection.scalar(sa.text(f"SELECT count(*) FROM {table}")) or 0)

    def stored_files(self) -> set[Path]:
        return {path for path in self.settings.image_dir.rglob("*") if path.is_file()}


def start_app(folder: Path, database_url: str = "", **settings: object) -> Iterator[RunningApp]:
    """An app over a migrated database, for as long as the generator is held."""
    chosen = Settings(data_dir=folder, database_url=database_url, model=f"{NAME}/0.1.0", **settings)
    make_bundle(chosen.model_dir)
    engine = open_database(chosen.database)
    schema.upgrade(engine)
    scorer = InProcessScorer(chosen.model_dir / NAME / "0.1.0")
    with TestClient(create_app(chosen, scorer=scorer), base_url="http://testserver") as client:
        yield RunningApp(client, chosen, scorer, engine)
    engine.dispose()


@pytest.fixture(
    scope="session",
    params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)],
)
def app(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningApp]:
    """The app, on SQLite and in the slow tier on PostgreSQL; tests share it and keep to cases of their own."""
    with ExitStack() as stack:
        url = ""
        if request.param == "postgresql":
            # Another folder may import this fixture: each app has a database of its own, as it has its pictures.
            url = stack.enter_context(new_database(request.getfixturevalue("postgresql_url")))
        yield from start_app(tmp_path_factory.mktemp("data"), url)


@pytest.fixture
def own_app(tmp_path: Path) -> Iterator[RunningApp]:
    """An app on SQLite for one test alone, for those that count or break things."""
    yield from start_app(tmp_path)


@pytest.fixture
def lab(app: RunningApp) -> dict[str, str]:
    """Headers of a lab system that may do all a system may."""
    return app.key(Scope.CASES_READ, Scope.CASES_WRITE, Scope.REVIEWS_WRITE)


def png_of(seed: int) -> bytes:
    """A drawn cell as PNG."""
    return encode_png(draw_cell(seed))
