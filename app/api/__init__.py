"""The JSON skin."""

from fastapi import APIRouter

from app.api import case_acts, exports, pictures, routes

router = APIRouter()
router.include_router(routes.router)
router.include_router(case_acts.router)
router.include_router(pictures.router)
router.include_router(exports.router)

__all__ = ["router"]
