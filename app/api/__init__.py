"""The JSON skin."""

from fastapi import APIRouter

from app.api import case_acts, exports, pictures, routes, similar

# Side by side, not one within another: FastAPI builds the routes of a nested router twice, once before the first request.
ROUTERS: tuple[APIRouter, ...] = (
    routes.router,
    case_acts.router,
    pictures.router,
    exports.router,
    similar.router,
)

__all__ = ["ROUTERS"]
