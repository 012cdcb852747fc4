"""Cases made through the services, for tests of the rules about them."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import UUID, uuid4

import numpy as np

from app.accounts.permissions import BY_SCOPE, Identity, Role
from app.cases.service import CaseService, Origin
from app.cases.tables import Case, Cell
from app.clock import utc_now
from app.inference.scorer import ModelRef, Score
from app.inference.upload import Picture, read_upload
from app.reviews.service import ReviewService
from app.reviews.tables import Review, Verdict
from app.reviews.view import CaseReading, CaseViewer, CellReading
from app.sign_off.service import SignOffService
from app.sign_off.tables import SignOff
from models.classifier import CellOutput
from models.decision import Decision, PredictionLabel
from models.quality import Quality, QualityLevel
from tests.app.conftest import RunningApp, png_of

MODEL = ModelRef("drawn-vgg16", "0.1.0", "0" * 64)
BAND = (0.45, 0.55)
PICTURE: Picture = read_upload(png_of(1))


def score_of(p_malignant: float, model: ModelRef = MODEL) -> Score:
    """What an engine would answer."""
    if BAND[0] < p_malignant < BAND[1]:
        label = PredictionLabel.INDETERMINATE
    else:
        label = PredictionLabel.MALIGNANT if p_malignant >= BAND[1] else PredictionLabel.HEALTHY
    numbers = np.ones(4, np.float32)
    decision, quality = Decision(label), Quality(QualityLevel.PASSED, ())
    output = CellOutput(decision, quality, p_malignant, numbers[:2], numbers, np.ones((2, 2), np.float32))
    return Score(output, model, "ncnn", 1, BAND, 1.0)


@dataclass
class Desk:
    """The services, each call in a unit of work of its own, as doors call them."""

    app: RunningApp

    @contextmanager
    def reviews(self) -> Iterator[ReviewService]:
        with self.app.services.database.unit_of_work() as session:
            yield ReviewService(session, utc_now())

    @contextmanager
    def sign_offs(self) -> Iterator[SignOffService]:
        with self.app.services.database.unit_of_work() as session:
            yield SignOffService(session, utc_now())

    def case_with_cells(
        self, who: Identity, *p_malignant: float, accession: str | None = None, drawn: bool = False
    ) -> tuple[UUID, list[UUID]]:
        """A scored case; its id and the ids of its cells."""
        with self.app.services.database.unit_of_work() as session:
            cases = CaseService(session, utc_now())
            case, _ = cases.open_case(who, accession, drawn=drawn)
            cells = [
                cases.add_cell(who, case.id, PICTURE, None, Origin(), leased=True).id for _ in p_malignant
            ]
            for cell_id, p in zip(cells, p_malignant, strict=True):
                cases.add_prediction(who.site_id, cell_id, score_of(p), None)
        return case.id, cells

    def set(self, case_id: UUID, **values: object) -> None:
        """Past the rules."""
        with self.app.services.database.unit_of_work() as session:
            case = session.get_one(Case, case_id)
            for name, value in values.items():
                setattr(case, name, value)

    def case(self, case_id: UUID) -> Case:
        with self.app.services.database.reading() as session:
            return session.get_one(Case, case_id)

    def cell(self, cell_id: UUID) -> Cell:
        with self.app.services.database.reading() as session:
            return session.get_one(Cell, cell_id)

    def judge(self, who: Identity, cell_id: UUID, verdict: Verdict, seen: int | None = None) -> Review:
        with self.reviews() as reviews:
            return reviews.give_verdict(who, cell_id, verdict, seen=seen)

    def undo(self, who: Identity, cell_id: UUID) -> Review:
        with self.reviews() as reviews:
            return reviews.withdraw(who, cell_id)

    def view(self, who: Identity, case_id: UUID) -> CaseReading:
        with self.app.services.database.unit_of_work() as session:
            return CaseViewer(session, utc_now()).case(who, case_id)

    def view_cell(self, who: Identity, cell_id: UUID) -> CellReading:
        with self.app.services.database.unit_of_work() as session:
            return CaseViewer(session, utc_now()).cell(who, cell_id)

    def sign(self, who: Identity, case_id: UUID) -> SignOff:
        with self.sign_offs() as sign_offs:
            return sign_offs.sign(who, case_id, self.case(case_id).version)

    def amend(self, who: Identity, case_id: UUID) -> SignOff:
        with self.sign_offs() as sign_offs:
            return sign_offs.amend(who, case_id, "a second look", self.case(case_id).version)

    def retract(self, who: Identity, case_id: UUID) -> SignOff:
        with self.sign_offs() as sign_offs:
            return sign_offs.retract(who, case_id, "another patient", self.case(case_id).version)

    def key(self, site_id: UUID) -> Identity:
        """A system that may do all a system may."""
        return Identity(uuid4(), site_id, "gateway", frozenset().union(*BY_SCOPE.values()))

    def persons(self, number: int) -> list[Identity]:
        return [self.app.identity(Role.REVIEWER) for _ in range(number)]
