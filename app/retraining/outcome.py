"""What a training process says of its retraining: `retraining.json`, as far as the history needs it by name."""

from typing import Any

from pydantic import BaseModel, ConfigDict

from app.retraining.tables import GateVerdict


class _Told(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Snapshot(_Told):
    """What was learned from; sha256 covers names, labels, groups, splits and pixels."""

    sha256: str
    new_cells: int


class Judgement(_Told):
    """The gate's answer."""

    verdict: GateVerdict
    reasons: tuple[str, ...]
    sensitivity: float


class Limits(_Told):
    """What the gate held it against."""

    sensitivity_floor: float


class Outcome(_Told):
    """The whole file, read once. report: everything in it."""

    champion: str
    champion_sha256: str
    challenger: str
    challenger_sha256: str | None
    snapshot: Snapshot
    judgement: Judgement
    limits: Limits
    report: dict[str, Any]

    @classmethod
    def of(cls, report: dict[str, Any]) -> "Outcome":
        """From the parsed file.

        Raises:
            ValidationError: it is of another form.
        """
        return cls.model_validate(report | {"report": report})
