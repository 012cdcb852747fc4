"""A case record as an HL7 v2.5.1 message ORU^R01, for laboratory systems.

Observations have codes of our own (`99LEUKOLENS`) only: no public code says what a prediction for one cell says. Status in
OBX-11 and OBR-25 follows the report's: P preliminary, F final, C amended; a retracted one is W, posted as wrong.

Segments are written here as text and not with hl7apy, which takes 4 ms a segment: a case of five hundred cells would hold
its transaction for seconds. The tests parse every message with it strictly.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from app.interop import codes
from app.interop.codes import Code
from app.reports.case_record import CaseRecord, CellRecord, PredictionRecord, ReportStatus, VerdictRecord
from app.reports.sentences import status_sentence

OBSERVATION_STATUS: Final[Mapping[ReportStatus, str]] = {
    ReportStatus.PRELIMINARY: "P",
    ReportStatus.FINAL: "F",
    ReportStatus.AMENDED: "C",
    ReportStatus.RETRACTED: "W",
}
ORDER_STATUS: Final[Mapping[ReportStatus, str]] = {
    ReportStatus.PRELIMINARY: "P",
    ReportStatus.FINAL: "F",
    ReportStatus.AMENDED: "C",
    ReportStatus.RETRACTED: "X",
}
_ESCAPES: Final = str.maketrans({"\\": "\\E\\", "|": "\\F\\", "^": "\\S\\", "&": "\\T\\", "~": "\\R\\"})


def oru_r01(record: CaseRecord, message_id: UUID, sent_at: datetime) -> str:
    """The message; each segment ends with a carriage return.

    Args:
        message_id: the same for every try to send this message.
        sent_at: when it was announced.
    """
    status = OBSERVATION_STATUS[record.status]
    lines = [_header(record, message_id, sent_at), *_subject(record), *_order(record)]
    lines += (
        _segment("OBX", {1: str(number), **observation, 11: status})
        for number, observation in enumerate(_observations(record), 1)
    )
    lines += _specimen(record)
    return "".join(f"{line}\r" for line in lines)


def control_id(message_id: UUID) -> str:
    """MSH-10, which has at most 20 characters: the end of the id, 74 bits of it by chance."""
    return message_id.hex[-20:]


def _header(record: CaseRecord, message_id: UUID, sent_at: datetime) -> str:
    rest = {
        3: f"^{record.site_id}^UUID",
        6: _time(sent_at),
        8: "ORU^R01^ORU_R01",
        9: control_id(message_id),
        10: "P",
        11: "2.5.1",
    }
    return _segment("MSH", {1: "^~\\&", 2: "LEUKOLENS", **rest, 17: "UNICODE UTF-8"})


def _subject(record: CaseRecord) -> Iterator[str]:
    """Nothing where the case has no subject: the patient group may be left out, a made-up number may not be sent."""
    if record.subject_ref is not None:
        yield _segment("PID", {1: "1", 3: f"{_text(record.subject_ref)}^^^LEUKOLENS", 5: "^^^^^^U"})


def _order(record: CaseRecord) -> Iterator[str]:
    placer, filler = _text(record.placer_order or ""), _text(record.filler_order or str(record.case_id))
    yield _segment("ORC", {1: "RE", 2: placer, 3: filler})
    signer = record.sign_offs[-1].author if record.sign_offs else None
    fields = {
        1: "1",
        2: placer,
        3: filler,
        4: _coded(codes.CASE),
        20: _text(record.accession or ""),
        22: _time(record.as_of),
        25: ORDER_STATUS[record.status],
        32: f"&{_text(signer)}" if signer else "",
    }
    yield _segment("OBR", fields)


def _specimen(record: CaseRecord) -> Iterator[str]:
    if record.specimen_id is not None:
        yield _segment("SPM", {1: "1", 2: _text(record.specimen_id), 4: "^not coded"})


def _observations(record: CaseRecord) -> Iterator[dict[int, str]]:
    yield _words(codes.NOTICE, record.notice)
    yield _words(codes.STATUS, status_sentence(record))
    yield _words(codes.RECORD, record.digest)
    for code, count in codes.counts(record).items():
        yield {2: "NM", 3: _coded(code), 5: str(count)}
    for cell in record.cells:
        yield from _of_cell(cell)


def _of_cell(cell: CellRecord) -> Iterator[dict[int, str]]:
    """OBX-4 is the cell's number in the case, so that a receiver can put its lines together."""
    if cell.prediction is not None:
        for line in _of_prediction(cell.prediction):
            yield {**line, 4: str(cell.position)}
    if cell.verdict is not None:
        yield {**_of_verdict(cell.verdict), 4: str(cell.position)}


def _of_prediction(prediction: PredictionRecord) -> Iterator[dict[int, str]]:
    """OBX-8 flags the label, OBX-17 is the model, OBX-19 when it spoke."""
    model = prediction.model
    made = {17: f"{_text(model.name)}/{model.version}^^{codes.LOCAL_SCHEME}", 19: _time(prediction.made_at)}
    label, flag = codes.LABELS[prediction.label], codes.INTERPRETATIONS.get(prediction.label)
    yield {2: "CWE", 3: _coded(codes.CELL_LABEL), 5: _coded(label), 8: flag.value if flag else "", **made}
    if prediction.p_malignant is not None:
        yield {2: "NM", 3: _coded(codes.P_MALIGNANT), 5: f"{prediction.p_malignant:.6f}", **made}


def _of_verdict(verdict: VerdictRecord) -> dict[int, str]:
    """OBX-16 is the person, OBX-19 when the verdict was given."""
    word, author = _coded(codes.VERDICTS[verdict.verdict]), f"^{_text(verdict.author)}"
    return {2: "CWE", 3: _coded(codes.CELL_VERDICT), 5: word, 16: author, 19: _time(verdict.given_at)}


def _words(code: Code, text: str) -> dict[int, str]:
    return {2: "TX", 3: _coded(code), 5: _text(text)}


def _coded(code: Code) -> str:
    return f"{_text(code.value)}^{_text(code.display)}^{codes.LOCAL_SCHEME}"


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y%m%d%H%M%S+0000")


def _text(text: str) -> str:
    """Free text without a character that would mean something: escaped, line ends and control characters as spaces."""
    return re.sub(r"[\x00-\x1f\x7f]+", " ", text).translate(_ESCAPES)


def _segment(name: str, fields: Mapping[int, str]) -> str:
    """A segment of fields by number. MSH-1 is the separator itself, so what HL7 calls MSH-3 is number 2 there."""
    filled = {number: value for number, value in fields.items() if value}
    return "|".join([name, *(filled.get(number, "") for number in range(1, max(filled) + 1))])
