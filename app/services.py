"""The parts one running server is made of, put together once at start-up."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from app.accounts.sign_in import SignIn
from app.cases.acquisition import TrainingOf
from app.cases.backlog import Backlog
from app.cases.intake import Intake
from app.database import Database
from app.image_store import ImageStore
from app.inference.admission import Admission
from app.inference.decoder_pool import DecoderPool
from app.inference.scorer import Scorer
from app.outbox.sender import Sender
from app.settings import Settings
from app.similar.service import SimilarService

if TYPE_CHECKING:
    from app.accounts.openid import OpenIdProvider


@dataclass(frozen=True)
class Services:
    """What handlers reach through `app.dependencies`. stores: folders of bundles, imported ones first."""

    settings: Settings
    database: Database
    images: ImageStore
    decoder: DecoderPool
    scorer: Scorer
    intake: Intake
    backlog: Backlog
    sender: Sender
    similar: SimilarService
    admission: Admission
    sign_in: SignIn
    openid: "OpenIdProvider | None"
    stores: Sequence[Path]
    training_of: TrainingOf
    now: Callable[[], datetime]
