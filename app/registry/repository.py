"""All SQL about the model registry."""

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.registry.tables import Activation, RegisteredModel


class RegistryRepository:
    """Reads and writes the registry in one session."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, row: RegisteredModel | Activation) -> None:
        self._session.add(row)
        self._session.flush()

    def models(self) -> list[RegisteredModel]:
        return list(
            self._session.scalars(
                sa.select(RegisteredModel).order_by(RegisteredModel.name, RegisteredModel.registered_at)
            )
        )

    def model(self, name: str, version: str) -> RegisteredModel | None:
        return self._session.scalar(
            sa.select(RegisteredModel).where(RegisteredModel.name == name, RegisteredModel.version == version)
        )

    def activations(self) -> list[tuple[Activation, RegisteredModel]]:
        """Newest first."""
        rows = self._session.execute(
            sa.select(Activation, RegisteredModel)
            .join(RegisteredModel, RegisteredModel.id == Activation.model_id)
            .order_by(Activation.number.desc())
        )
        return [(row[0], row[1]) for row in rows]

    def active(self) -> RegisteredModel | None:
        return self._session.scalar(
            sa.select(RegisteredModel)
            .join(Activation, Activation.model_id == RegisteredModel.id)
            .order_by(Activation.number.desc())
            .limit(1)
        )

    def last_activation_number(self) -> int:
        return self._session.scalar(sa.select(sa.func.max(Activation.number))) or 0
