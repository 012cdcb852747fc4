"""The JSON skin."""

from fastapi import APIRouter

from app.api import pictures, routes

router = APIRouter()
router.include_router(routes.router)
router.include_router(pictures.router)

__all__ = ["router"]
