"""The JSON skin."""

from fastapi import APIRouter

from app.api import case_acts, exports, pictures, routes, similar

router = APIRouter()
router.include_router(routes.router)
router.include_router(case_acts.router)
router.include_router(pictures.router)
router.include_router(exports.router)
router.include_router(similar.router)

__all__ = ["router"]
