"""Case records with contents by chance, for the renderers: every label, verdict, status and awkward text occurs."""

import random
import uuid
from datetime import UTC, datetime, timedelta

from app.reports.case_record import (
    CaseRecord,
    CellRecord,
    ModelRecord,
    PredictionRecord,
    ReportStatus,
    SignOffRecord,
    VerdictRecord,
)
from app.reviews.tables import Verdict
from models.classifier import PredictionLabel

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
MODEL = ModelRecord("vgg16-cnmc", "0.2.0", "a" * 64)
TEXTS = ("A-17", "a|b^c&d~e\\f", "Ünal Größe", "line\nbreak\r", "日本", "x" * 64)


def record_by_chance(seed: int, status: ReportStatus | None = None) -> CaseRecord:
    chance = random.Random(seed)

    def text() -> str | None:
        return chance.choice((None, *TEXTS))

    def new_id() -> uuid.UUID:
        return uuid.UUID(int=chance.getrandbits(128))

    chosen = status or chance.choice(list(ReportStatus))
    signed = SignOffRecord(1, "sign", "I looked at every cell.", "", chance.choice(TEXTS), NOON)
    return CaseRecord(
        case_id=new_id(),
        site_id=new_id(),
        site=chance.choice(TEXTS),
        accession=text(),
        subject_ref=text(),
        specimen_id=text(),
        placer_order=text(),
        filler_order=text(),
        drawn=False,
        status=chosen,
        version=0 if chosen is ReportStatus.PRELIMINARY else 1,
        opened_at=NOON,
        as_of=NOON + timedelta(hours=1),
        acquisition=(),
        cells=tuple(_cell(chance, new_id(), number) for number in range(1, chance.randint(1, 12))),
        refused=chance.randint(0, 3),
        voided=chance.randint(0, 3),
        agreement=None,
        sign_offs=() if chosen is ReportStatus.PRELIMINARY else (signed,),
        software="leukolens 0.1.0",
    )


def _cell(chance: random.Random, cell_id: uuid.UUID, position: int) -> CellRecord:
    label = chance.choice(list(PredictionLabel))
    silent = label is PredictionLabel.NOT_ASSESSABLE
    prediction = PredictionRecord(label, None if silent else chance.random(), (), MODEL, "ncnn", 1, NOON)
    verdict = VerdictRecord(
        chance.choice(list(Verdict)), "first", chance.random() < 0.2, "", chance.choice(TEXTS), NOON
    )
    return CellRecord(
        cell_id,
        position,
        None,
        "b" * 64,
        "c" * 64,
        (),
        chance.choice((prediction, prediction, None)),
        chance.choice((verdict, verdict, None)),
    )
