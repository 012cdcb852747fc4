"""A case scored again by another version of a model, because somebody asked for it; earlier predictions stay."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from app.audit.acts import Act
from app.audit.service import COMMAND_LINE, AuditService, at_site
from app.cases.service import CaseService
from app.cases.tables import Cell
from app.database import Database
from app.image_store import ImageStore
from app.inference.scorer import ModelRef, Score
from models.classifier import Classifier
from models.decoding import decode_cell


@dataclass(frozen=True)
class Rescored:
    """scored: cells that got a prediction by this version; kept: cells that had one."""

    model: str
    scored: int
    kept: int


def rescore_case(
    database: Database,
    images: ImageStore,
    classifier: Classifier,
    case_id: UUID,
    now: Callable[[], datetime],
) -> Rescored:
    """Score every cell of an open case that has no prediction by this version. Can be stopped and run again.

    Raises:
        NotFound: there is no such case. Conflict: it is signed, amended or retracted.
    """
    manifest = classifier.bundle.manifest
    model = ModelRef(manifest.name, manifest.version, classifier.bundle.sha256)
    with database.reading() as session:
        case, waiting, kept = CaseService(session, now()).without_prediction_by(case_id, model.sha256)
    for cell in waiting:
        score = _score(images, classifier, model, cell)
        with database.unit_of_work() as session:
            CaseService(session, now()).add_prediction(case.site_id, cell.id, score, manifest.acquisition)
    with database.unit_of_work() as session:
        who = at_site(COMMAND_LINE, case.site_id)
        AuditService(session, now()).record(
            who, Act.CASE_RESCORED, case.id, model=classifier.bundle.id, cells=len(waiting)
        )
    return Rescored(classifier.bundle.id, len(waiting), kept)


def _score(images: ImageStore, classifier: Classifier, model: ModelRef, cell: Cell) -> Score:
    assert cell.pixels_sha256 is not None
    assert cell.measurements is not None
    pixels = decode_cell(images.read(cell.pixels_sha256)).pixels
    begun = time.perf_counter()
    output = classifier.classify([pixels], [cell.measurements])[0]
    manifest = classifier.bundle.manifest
    return Score(
        output,
        model,
        classifier.engine.name,
        manifest.preprocessing.version,
        (manifest.band.low, manifest.band.high),
        (time.perf_counter() - begun) * 1000,
    )
