"""What one retraining leaves behind: `retraining.json`, which the service keeps as its history."""

from pydantic import BaseModel, ConfigDict

from models.bundle import Figures
from training.profiles import AnyProfile
from training.retraining.gate import GateLimits, Judgement
from training.retraining.label_check import LabelCheck
from training.retraining.replay import Snapshot

REPORT = "retraining.json"


class Retraining(BaseModel):
    """`retraining.json`. replayed_as_trained: whether the old cells are the ones the champion states it was made from.

    challenger: its id, also where it was refused and is not kept. init: what it started from; empty for the champion.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    champion: str
    champion_sha256: str
    challenger: str
    challenger_sha256: str | None
    profile: AnyProfile
    init: str
    command: str
    snapshot: Snapshot
    replayed_as_trained: bool
    limits: GateLimits
    labels: LabelCheck
    evaluation: Figures
    judgement: Judgement
