"""The monitoring page of the visitor's site."""

from fastapi import APIRouter, Response

from app.accounts.permissions import Permission
from app.guard import GuardedRoute, may
from app.monitoring.service import MonitoringService
from app.web.monitoring_contexts import monitoring_page as filled_page
from app.web.visit import VisitDep

router = APIRouter(route_class=GuardedRoute, include_in_schema=False)


@router.get("/monitoring")
@may(Permission.SEE_CASES)
def monitoring_page(visit: VisitDep) -> Response:
    monitoring = MonitoringService(visit.session, visit.services.stores, visit.services.now())
    return visit.page(filled_page(monitoring.figures(visit.who.site_id)))
