"""Figures, drift tests, alerts and the nightly summary."""

import hashlib
import time
import uuid
from datetime import timedelta

import numpy as np
import pytest

from app.accounts.permissions import Role, Scope
from app.monitoring.alerts import Thresholds, next_level
from app.monitoring.audit_sample import CELLS_A_CASE, calibration, overridden, sampled, verdicts_of
from app.monitoring.drift import unit_means
from app.monitoring.figures import MINIMUM_AUDITED, MINIMUM_CELLS, AlertLevel
from app.monitoring.repository import Audited
from app.monitoring.service import MonitoringService
from app.monitoring.statistics import kolmogorov_smirnov, mean_shift, share
from app.reviews.tables import Reading, Review, Verdict
from models.classifier import PredictionLabel
from tests.app.conftest import RunningApp, png_of

RANDOM = np.random.default_rng(0)
QUIET, WATCH, ALERT = AlertLevel.QUIET, AlertLevel.WATCH, AlertLevel.ALERT


def audited(
    case: int, cell: int, label: PredictionLabel = PredictionLabel.MALIGNANT, p: float = 0.9
) -> Audited:
    return Audited(uuid.UUID(int=case), uuid.UUID(int=cell), label, p)


def verdict(cell: int, said: Verdict, number: int = 1, withdraws: int | None = None) -> Review:
    return Review(
        cell_id=uuid.UUID(int=cell), reading=Reading.SECOND, number=number, verdict=said, withdraws=withdraws
    )


def test_a_share_is_silent_below_the_minimum_n() -> None:
    assert share(3, MINIMUM_CELLS - 1, least=MINIMUM_CELLS).value is None
    found = share(25, 50, least=MINIMUM_CELLS)
    assert (found.value, found.low, found.high) == (
        0.5,
        pytest.approx(0.366, abs=2e-3),
        pytest.approx(0.634, abs=2e-3),
    )


@pytest.mark.parametrize(("shift", "differs"), [(0.0, False), (1.5, True)])
def test_both_drift_tests_tell_a_shift_from_none(shift: float, differs: bool) -> None:
    one, other = RANDOM.normal(size=(40, 6)), RANDOM.normal(size=(30, 6)) + shift
    assert (mean_shift(one, other)[1] < 0.01) is differs
    assert (kolmogorov_smirnov(one[:, 0], other[:, 0])[1] < 0.01) is differs


def test_p_values_are_fair_under_no_drift() -> None:
    found = [mean_shift(RANDOM.normal(size=(12, 3)), RANDOM.normal(size=(15, 3)))[1] for _ in range(60)]
    assert 0.3 < np.mean(np.array(found) < 0.5) < 0.7


def test_the_unit_of_drift_is_the_case() -> None:
    rows = np.array([[1.0], [3.0], [10.0]])
    assert unit_means(["a", "a", "b"], rows).tolist() == [[2.0], [10.0]]


def test_the_audit_sample_is_small_the_same_for_all_and_nobodys_choice() -> None:
    cells = [audited(case, 100 * case + cell) for case in (1, 2) for cell in range(30)]
    drawn = sampled(cells)
    assert len(drawn) == 2 * CELLS_A_CASE
    assert {cell.cell_id for cell in drawn} == {cell.cell_id for cell in sampled(cells[::-1])}
    first = min(
        (cell for cell in cells if cell.case_id.int == 1),
        key=lambda cell: hashlib.sha256(cell.case_id.bytes + cell.cell_id.bytes).digest(),
    )
    assert drawn[0] == first


def test_withdrawn_and_classless_verdicts_count_for_nothing() -> None:
    rows = [
        verdict(1, Verdict.MALIGNANT_LYMPHOBLAST),
        verdict(1, Verdict.MALIGNANT_LYMPHOBLAST, number=2, withdraws=1),
        verdict(2, Verdict.UNCERTAIN),
        verdict(3, Verdict.NORMAL_PRECURSOR),
    ]
    assert verdicts_of(rows) == {uuid.UUID(int=3): False}


def test_overrides_and_calibration_come_from_audited_cells_and_stay_silent_when_few() -> None:
    cells = [audited(case, case, p=0.8) for case in range(MINIMUM_AUDITED)]
    read = {cell.cell_id: cell.case_id.int % 5 != 0 for cell in cells}
    assert overridden(cells, read).value == pytest.approx(0.2)
    found = calibration(cells, read)
    assert (found.foretold, found.observed) == (pytest.approx(0.8), pytest.approx(0.8))
    assert overridden(cells[1:], read).value is None
    assert calibration(cells[1:], read).observed is None


def test_an_alert_rises_at_the_outer_threshold_and_falls_at_the_inner_one() -> None:
    limits = Thresholds(calm=1, watch=2, ease=3, alert=4)
    told = [QUIET]
    for value in (1.5, 2.5, 1.5, 4.5, 3.5, 2.5, 1.5, 0.5, None):
        told.append(next_level(told[-1], value, limits))
    assert told[1:] == [QUIET, WATCH, WATCH, ALERT, ALERT, WATCH, WATCH, QUIET, QUIET]


def test_figures_count_scored_refused_and_gated_cells(own_app: RunningApp) -> None:
    who = own_app.identity(Role.REVIEWER)
    headers = own_app.key(Scope.CASES_READ, Scope.CASES_WRITE)
    for data in (png_of(1), png_of(2)):
        assert (
            own_app.client.post("/api/v1/predictions", files={"image": data}, headers=headers).status_code
            == 201
        )
    case = own_app.client.post("/api/v1/cases", json={}, headers=headers).json()["id"]
    own_app.client.post(f"/api/v1/cases/{case}/cells", files=[("images", b"no picture")], headers=headers)
    with own_app.services.database.unit_of_work() as session:
        service = MonitoringService(
            session, own_app.services.stores, own_app.services.now() + timedelta(seconds=1)
        )
        figures = service.summarise(who.site_id)
    assert (figures.refused.count, figures.refused.n, figures.refused.value) == (1, 3, None)
    assert sum(figures.refusals.values()) == 1
    assert [model.cells for model in figures.models] == [2]
    assert sum(each.count for each in figures.models[0].labels.values()) == 2
    assert figures.models[0].latency.n == 2
    assert figures.summarised_at is not None
    assert all(alert.level is QUIET for alert in figures.alerts)


def test_the_server_writes_the_summary_by_itself(own_app: RunningApp) -> None:
    deadline = time.monotonic() + 60
    while own_app.count("monitoring_summaries") < own_app.count("sites"):
        assert time.monotonic() < deadline, "no summary within a minute"
        time.sleep(0.05)
