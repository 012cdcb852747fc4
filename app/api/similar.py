"""The cells most like one cell."""

from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, Field

from app.accounts.permissions import Permission
from app.api.routes import PROBLEMS
from app.api.schemas import ModelName
from app.dependencies import CurrentIdentity, ServicesDep
from app.errors import NotFound
from app.guard import GuardedRoute, may
from app.notice import NOTICE
from app.reviews.tables import Verdict
from app.similar.service import SimilarCells
from models.labels import Label

router = APIRouter(prefix="/api/v1", route_class=GuardedRoute, responses=PROBLEMS)  # type: ignore[arg-type]

DISTANCE = "root mean square in deviations of the training cells' embeddings; 0 for an equal cell"


class SimilarSiteCell(BaseModel):
    """A signed-off cell of the site. verdict: a person's, null where nobody gave one."""

    cell_id: UUID
    case_id: UUID
    position: int
    verdict: Verdict | None
    distance: float = Field(description=DISTANCE)


class SimilarReferenceCell(BaseModel):
    """A cell the model learned from; there is no picture of it here. person: digest of its leak group."""

    label: Label
    person: str
    distance: float = Field(description=DISTANCE)


class SimilarAnswer(BaseModel):
    """Nearest first. Likeness is the model's, and says nothing of the person the cell came from."""

    model: ModelName
    site: list[SimilarSiteCell]
    reference: list[SimilarReferenceCell]
    notice: str = NOTICE

    @classmethod
    def of(cls, found: SimilarCells) -> "SimilarAnswer":
        return cls(
            model=ModelName(name=found.model.name, version=found.model.version, sha256=found.model.sha256),
            site=[
                SimilarSiteCell(
                    cell_id=each.cell.id,
                    case_id=each.case.id,
                    position=each.cell.position,
                    verdict=each.verdict,
                    distance=each.distance,
                )
                for each in found.site
            ],
            reference=[
                SimilarReferenceCell(label=each.label, person=each.person, distance=each.distance)
                for each in found.reference
            ],
        )


@router.get("/cells/{cell_id}/similar", tags=["cells"])
@may(Permission.SEE_CASES)
def similar_cells(cell_id: UUID, services: ServicesDep, who: CurrentIdentity) -> SimilarAnswer:
    """The nearest signed-off cells of the site, and the nearest cells the model learned from."""
    found = services.similar.similar(who, cell_id)
    if found is None:
        raise NotFound(
            "There is nothing to compare: no model could assess this cell, or you have not opened it, or are to judge it blind."
        )
    return SimilarAnswer.of(found)
