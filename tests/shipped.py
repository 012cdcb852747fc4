"""The bundle that the project ships and seeds an empty registry with."""

from app.settings import Settings
from models.bundle import STORE

SHIPPED: str = Settings.model_fields["model"].default
SHIPPED_FOLDER = STORE / SHIPPED

SHIPPED_PAIR = "vgg16-cnmc-pair/0.1.0"
"""Two networks as one bundle, which ships beside it."""
