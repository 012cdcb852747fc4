"""The bundle that the project ships and seeds an empty registry with."""

from app.settings import Settings
from models.bundle import STORE

SHIPPED: str = Settings.model_fields["model"].default
SHIPPED_FOLDER = STORE / SHIPPED
