"""What a sample is, and the values that all of them share."""

from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256

from app.web.page_contexts import Chrome, Context, ModelRef, SignedIn
from app.web.words import Role
from tests.web.gallery_samples import CASE_ID

__all__ = ["ADMIN", "CASE_ID", "DIGEST", "HOSTILE", "MODEL", "NOW", "Sample"]

NOW = datetime(2026, 11, 23, 14, 2, tzinfo=UTC)
MODEL = ModelRef("vgg16-cnmc", "0.1.0")
ADMIN = SignedIn("Dr. Marta Lindqvist", Role.ADMIN)
DIGEST = sha256(b"a sample").hexdigest()
HOSTILE = '<script>alert("x")</script>'


@dataclass(frozen=True)
class Sample:
    """A context, the chrome around it and the path it is shown at."""

    name: str
    chrome: Chrome
    context: Context

    @property
    def path(self) -> str:
        return self.chrome.path
