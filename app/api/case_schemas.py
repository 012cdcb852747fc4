"""What the REST API takes and says about acts on a case: editing, reading, signing, summing up."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from app.api.schemas import Acquisition, ModelName
from app.cases.editing import MAX_BASIS_CHARACTERS, MAX_NOTES_CHARACTERS
from app.cases.tables import Reuse, ReusePermission
from app.notice import NOTICE
from app.reviews.agreement import AgreementTable, Kappa
from app.reviews.service import BULK_LIMIT, MAX_REASON_CHARACTERS
from app.reviews.summary import CaseSummary
from app.reviews.tables import Verdict
from app.sign_off.pre_checks import Check, Finding
from app.sign_off.service import MAX_REASON_CHARACTERS as MAX_SIGN_OFF_REASON_CHARACTERS
from app.sign_off.tables import SignOff, SignOffKind

Identifier = Annotated[str, Field(min_length=1, max_length=64)]


class _Taken(BaseModel):
    model_config = ConfigDict(extra="forbid")


class CaseChange(_Taken):
    """What to change of a case; what is left out stays, null empties."""

    accession: Identifier | None = None
    subject_ref: Identifier | None = None
    specimen_id: Identifier | None = None
    placer_order: Identifier | None = None
    filler_order: Identifier | None = None
    notes: Annotated[str, Field(max_length=MAX_NOTES_CHARACTERS)] = ""
    acquisition: Acquisition = Acquisition()
    second_read: bool = False

    def changes(self) -> dict[str, Any]:
        """Fields of `CaseDetails` that were sent."""
        sent = {name: getattr(self, name) for name in self.model_fields_set}
        if "acquisition" in sent:
            sent["acquisition"] = self.acquisition.profile()
        return sent


class NewReuse(_Taken):
    """What the cells of a case may be used for, and what that rests on; `none` withdraws."""

    reuse: Reuse
    basis: Annotated[str, Field(min_length=1, max_length=MAX_BASIS_CHARACTERS)]


class ReuseAnswer(BaseModel):
    """One word about reuse; the newest holds."""

    number: int
    reuse: Reuse
    basis: str
    author: str
    created_at: datetime

    @classmethod
    def of(cls, row: ReusePermission) -> "ReuseAnswer":
        return cls(
            number=row.number,
            reuse=row.reuse,
            basis=row.basis,
            author=row.author_name,
            created_at=row.created_at,
        )


class VoidRequest(_Taken):
    """Why a cell does not belong to the case."""

    reason: Annotated[str, Field(min_length=1, max_length=MAX_REASON_CHARACTERS)]


class JudgedCell(_Taken):
    """One cell of many. seen: number of the newest verdict the reader saw there, 0 for none."""

    cell_id: UUID
    seen: Annotated[int, Field(ge=0)] | None = None


class BulkReview(_Taken):
    """One verdict for many cells of a case; it is given to all of them or to none."""

    verdict: Verdict
    cells: Annotated[list[JudgedCell], Field(min_length=1, max_length=BULK_LIMIT)]


class Withdrawal(_Taken):
    """Takes back the asker's own newest verdict. seen: as in a review."""

    seen: Annotated[int, Field(ge=0)] | None = None


class SignRequest(_Taken):
    """The signer's password, said again."""

    password: Annotated[str, Field(max_length=200)]


class ReasonedSignRequest(SignRequest):
    """The signer's password and why."""

    reason: Annotated[str, Field(min_length=1, max_length=MAX_SIGN_OFF_REASON_CHARACTERS)]


class SignOffAnswer(BaseModel):
    """One signature. findings: what the pre-checks counted then."""

    number: int
    kind: SignOffKind
    meaning: str
    reason: str
    findings: dict[Check, int]
    author: str
    created_at: datetime
    notice: str = NOTICE

    @classmethod
    def of(cls, row: SignOff) -> "SignOffAnswer":
        return cls(
            number=row.number,
            kind=row.kind,
            meaning=row.meaning,
            reason=row.reason,
            findings={Check(check): count for check, count in row.findings.items()},
            author=row.author_name,
            created_at=row.created_at,
        )


class CaseHistory(BaseModel):
    """Signatures and words about reuse, oldest first."""

    sign_offs: list[SignOffAnswer]
    reuse: list[ReuseAnswer]


class FindingAnswer(BaseModel):
    """One thing that stands out before signing. blocks: the case cannot be signed with it."""

    check: Check
    count: int
    blocks: bool


class PreChecks(BaseModel):
    """What stands out; version is what a signature sends as If-Match."""

    version: int
    findings: list[FindingAnswer]

    @classmethod
    def of(cls, version: int, found: tuple[Finding, ...]) -> "PreChecks":
        return cls(
            version=version,
            findings=[
                FindingAnswer(check=each.check, count=each.count, blocks=each.blocks) for each in found
            ],
        )


class AgreementRow(BaseModel):
    """How many cells one called this and the other that."""

    one: str
    other: str
    cells: int


class AgreementAnswer(BaseModel):
    """Two that judged the same cells."""

    cells: int
    agreeing: int
    table: list[AgreementRow]

    @classmethod
    def of(cls, table: AgreementTable | None) -> "AgreementAnswer | None":
        if table is None:
            return None
        rows = [
            AgreementRow(one=one, other=other, cells=count)
            for (one, other), count in sorted(table.counts.items())
        ]
        return cls(cells=table.cells, agreeing=table.agreeing, table=rows)


class KappaAnswer(BaseModel):
    """Cohen's kappa of two readers over the site's cases, with its 95 % interval over cases."""

    value: float
    low: float
    high: float
    cases: int
    cells: int


class SiteAgreement(BaseModel):
    """First beside second readings of a site, before adjudication. kappa: null below ten cases."""

    cases: int
    readers: AgreementAnswer | None
    kappa: KappaAnswer | None

    @classmethod
    def of(cls, tables: list[AgreementTable], kappa: Kappa | None) -> "SiteAgreement":
        together = AgreementTable.sum(tables)
        return cls(
            cases=len(tables),
            readers=AgreementAnswer.of(together),
            kappa=KappaAnswer(**vars(kappa)) if kappa else None,
        )


class ShareSeen(BaseModel):
    """Shares of cells called malignant, one a person of known class, lowest first, out of fold."""

    healthy: list[float]
    malignant: list[float]


class CorrectedAnswer(BaseModel):
    """Exploratory. What share of malignant cells would explain the called one: median and 95 % interval."""

    value: float
    low: float
    high: float
    assessable: int
    healthy_subjects: int
    malignant_subjects: int


class ProfileAnswer(BaseModel):
    """Fields that the acquisition profile lacks, and those where it is unlike the training pictures."""

    missing: list[str]
    unlike: list[str]


class SummaryAnswer(BaseModel):
    """A case as a whole. Counts of pictures that somebody chose; `meaning` says what they are not.

    Null while a blinded reading hides it, and where there is too little to say anything.
    """

    blind: bool
    cells: int
    labels: dict[str, int]
    verdicts: dict[str, int]
    unreviewed: int
    profile: ProfileAnswer
    model: ModelName | None
    called_malignant: int | None = Field(description="assessable cells with p_malignant of at least 0.5")
    assessable: int | None
    known_shares: ShareSeen | None
    corrected_share: CorrectedAnswer | None
    machine_agreement: AgreementAnswer | None
    reader_agreement: AgreementAnswer | None
    meaning: str
    notice: str = NOTICE

    @classmethod
    def of(cls, summary: CaseSummary) -> "SummaryAnswer":
        called, known, corrected, model = summary.called, summary.known, summary.corrected, summary.model
        return cls(
            blind=summary.blind,
            cells=summary.cells,
            labels={label.value: count for label, count in summary.labels.items()},
            verdicts={verdict.value: count for verdict, count in summary.verdicts.items()},
            unreviewed=summary.unreviewed,
            profile=ProfileAnswer(missing=list(summary.profile.missing), unlike=list(summary.profile.unlike)),
            model=ModelName(**vars(model)) if model else None,
            called_malignant=called.called if called else None,
            assessable=called.assessable if called else None,
            known_shares=ShareSeen(healthy=list(known.healthy), malignant=list(known.malignant))
            if known
            else None,
            corrected_share=CorrectedAnswer(**vars(corrected)) if corrected else None,
            machine_agreement=AgreementAnswer.of(summary.machine),
            reader_agreement=AgreementAnswer.of(summary.readers),
            meaning=summary.meaning,
        )
