"""Case records with contents by chance, for the renderers: every label, verdict, status and awkward text occurs."""

import random
import uuid
from datetime import UTC, datetime, timedelta

from app.reports.case_record import (
    AgreementRecord,
    CaseRecord,
    CellRecord,
    Fact,
    ModelRecord,
    PredictionRecord,
    ReportStatus,
    SignOffRecord,
    VerdictRecord,
)
from app.reviews.tables import Verdict
from models.classifier import PredictionLabel

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
MODELS = (ModelRecord("vgg16-cnmc", "0.2.0", "a" * 64), ModelRecord("vgg16-cnmc", "0.3.0", "b" * 64))
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
        acquisition=(Fact("Specimen", "bone marrow"), Fact("Stain", chance.choice(TEXTS))),
        cells=tuple(_cell(chance, new_id(), number) for number in range(1, chance.randint(1, 12))),
        refused=chance.randint(0, 3),
        voided=chance.randint(0, 3),
        agreement=chance.choice((None, AgreementRecord(5, 4))),
        sign_offs=() if chosen is ReportStatus.PRELIMINARY else (signed,),
        software="leukolens 0.1.0",
    )


def _cell(chance: random.Random, cell_id: uuid.UUID, position: int) -> CellRecord:
    return CellRecord(
        id=cell_id,
        position=position,
        client_ref=chance.choice((None, "slide-1/17", "=1+1")),
        image_sha256=f"{chance.getrandbits(256):064x}",
        pixels_sha256=f"{chance.getrandbits(256):064x}",
        quality=chance.choice(((), ("jpeg_artefacts_possible",))),
        prediction=_prediction(chance) if chance.random() < 0.8 else None,
        verdict=_verdict(chance, "first") if chance.random() < 0.8 else None,
        other_verdicts=(_verdict(chance, "second"),) if chance.random() < 0.3 else (),
    )


def _prediction(chance: random.Random) -> PredictionRecord:
    label = chance.choice(list(PredictionLabel))
    silent = label is PredictionLabel.NOT_ASSESSABLE
    settled = label in (PredictionLabel.MALIGNANT, PredictionLabel.HEALTHY)
    some = [round(chance.random(), 6) for _ in range(2)] if not silent else []
    p_malignant = None if silent else chance.choice((0.0, 1e-6, *some, 1.0))
    reasons = () if settled else ("inside_indeterminate_band",)
    return PredictionRecord(label, p_malignant, reasons, chance.choice(MODELS), "ncnn", 1, NOON)


def _verdict(chance: random.Random, reading: str) -> VerdictRecord:
    verdict, note = chance.choice(list(Verdict)), chance.choice(("", "", *TEXTS))
    return VerdictRecord(verdict, reading, chance.random() < 0.2, note, chance.choice(TEXTS), NOON)
