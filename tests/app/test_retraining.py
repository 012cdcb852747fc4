"""Retraining: who may let an open question pass, and the whole way of a challenger from new cells to a candidate.

That an activation loses no request is shown in `tests/faults/test_activations.py`.
"""

import json
from pathlib import Path

import pytest
from sqlalchemy.orm import Session
from typer.testing import CliRunner, Result

from app.accounts.permissions import Role
from app.accounts.service import AccountService
from app.audit.service import COMMAND_LINE
from app.cli import app as cli
from app.cli.shared import writing_session
from app.clock import utc_now
from app.errors import Conflict, LeukolensError, NotAllowed
from app.registry.service import RegistryService
from app.retrain import Retrainer
from app.retraining.outcome import Outcome
from app.retraining.service import RetrainingService
from app.retraining.tables import GateVerdict, Retraining
from app.retraining.workplace import workplace
from app.settings import Settings
from models.bundle import read_bundle
from tests.app.conftest import PASSWORD, RunningApp
from tests.bundles import NAME, make_bundle
from tests.training.drawn_dataset import write_drawn_dataset, write_flipped, write_new_cells

run = CliRunner().invoke


@pytest.fixture(scope="module")
def drawn_cells(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Old cells, new ones of eight other people, and the same with three in ten malignant labels flipped."""
    folder = tmp_path_factory.mktemp("cells")
    write_drawn_dataset(folder / "old", cells_per_group=3)
    clean = write_new_cells(folder / "clean", people=8, cells_per_person=12)
    write_flipped(clean, folder / "poisoned", share=0.3)
    return folder


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder whose model is the small drawn one."""
    make_bundle(tmp_path / "models")
    monkeypatch.setenv("LEUKOLENS_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("LEUKOLENS_MODEL", f"{NAME}/0.1.0")
    monkeypatch.setenv("LEUKOLENS_TRAINING_DATA", str(tmp_path))
    return tmp_path


def outcome(verdict: GateVerdict, sensitivity: float = 0.9, **changed: object) -> Outcome:
    report = {
        "champion": f"{NAME}/0.1.0",
        "champion_sha256": "0" * 64,
        "challenger": f"{NAME}/0.3.0",
        "challenger_sha256": None,
        "snapshot": {"sha256": "1" * 64, "new_cells": 7},
        "judgement": {"verdict": verdict, "reasons": ["auroc may worsen"], "sensitivity": sensitivity},
        "limits": {"sensitivity_floor": 0.85},
        "labels": {"people": 0},
    }
    return Outcome.of(report | changed)


def keep(session: Session, found: Outcome, folder: str = "here") -> Retraining:
    return RetrainingService(session, utc_now()).keep(
        COMMAND_LINE, found, folder=folder, started_at=utc_now(), reviewed_cells=0
    )


@pytest.mark.parametrize(
    ("verdict", "sensitivity", "roles", "refusal"),
    [
        (GateVerdict.INCONCLUSIVE, 0.9, (Role.ADMIN, Role.ADMIN), None),
        (GateVerdict.INCONCLUSIVE, 0.9, (Role.ADMIN, Role.REVIEWER), NotAllowed),
        (GateVerdict.INCONCLUSIVE, 0.9, (Role.ADMIN,), NotAllowed),
        (GateVerdict.INCONCLUSIVE, 0.84, (Role.ADMIN, Role.ADMIN), Conflict),
        (GateVerdict.REFUSED, 0.9, (Role.ADMIN, Role.ADMIN), Conflict),
        (GateVerdict.PASSED, 0.9, (Role.ADMIN, Role.ADMIN), Conflict),
    ],
)
def test_only_two_admins_let_only_an_open_question_above_the_floor_pass(
    app: RunningApp,
    verdict: GateVerdict,
    sensitivity: float,
    roles: tuple[Role, ...],
    refusal: type[LeukolensError] | None,
) -> None:
    emails = [app.person(role) for role in roles]
    with app.services.database.unit_of_work() as session:
        accounts = AccountService(session, app.settings.secret, utc_now())
        people = [accounts.user_by_email(email) for email in emails]
        row, service = keep(session, outcome(verdict, sensitivity)), RetrainingService(session, utc_now())
        if refusal is None:
            service.override(row.number, people, "looked at every cell")
            kept = service.history()[0][1]
            assert kept is not None
            assert (kept.first_admin_id, kept.second_admin_id) == (people[0].id, people[1].id)
            refusal = Conflict  # a second time
        with pytest.raises(refusal):
            service.override(row.number, people, "looked at every cell")


def test_one_admin_twice_is_one_admin(app: RunningApp) -> None:
    email = app.person(Role.ADMIN)
    with app.services.database.unit_of_work() as session:
        admin = AccountService(session, app.settings.secret, utc_now()).user_by_email(email)
        row = keep(session, outcome(GateVerdict.INCONCLUSIVE))
        with pytest.raises(NotAllowed):
            RetrainingService(session, utc_now()).override(row.number, [admin, admin], "looked at it")


def test_a_challenger_let_pass_becomes_a_candidate_and_the_model_that_answers_stays(
    own_app: RunningApp,
) -> None:
    settings, services = own_app.settings, own_app.services
    bundle = make_bundle(settings.retraining_dir / "here/store", "0.3.0", seed=3)
    emails = [own_app.person(Role.ADMIN) for _ in range(2)]
    with services.database.unit_of_work() as session:
        row = keep(session, outcome(GateVerdict.INCONCLUSIVE, challenger_sha256=bundle.sha256))
        accounts = AccountService(session, settings.secret, utc_now())
        admins = [accounts.user_by_email(email) for email in emails]
    Retrainer(settings, services.database, utc_now).override(row.number, admins, "looked at every cell")
    with services.database.reading() as session:
        registry = RegistryService(session, services.stores, utc_now())
        assert registry.entry(NAME, "0.3.0").model.sha256 == bundle.sha256
        assert registry.active().version == "0.1.0"


def test_an_import_is_no_way_around_the_gate(data: Path) -> None:
    bundle = make_bundle(data / "elsewhere", "0.3.0", seed=3)
    folder = str(data / "elsewhere" / bundle.id)
    with writing_session(Settings(data_dir=data)) as session:
        keep(session, outcome(GateVerdict.INCONCLUSIVE, challenger_sha256=bundle.sha256))
    held = run(cli, ["models", "import", folder])
    assert (held.exit_code, "held back by the gate" in held.stderr) == (1, True)
    assert run(cli, ["models", "import", folder, "--data-dir", str(data / "other")]).exit_code == 0


def test_what_a_killed_retraining_left_goes_and_two_do_not_run_at_once(tmp_path: Path) -> None:
    left = tmp_path / "killed"
    for name in ("run", "reviewed", "store"):
        (left / name).mkdir(parents=True)
    (left / "retraining.json").write_text("{}")
    with workplace(tmp_path, utc_now()) as place:
        assert {path.name for path in left.iterdir()} == {"store", "retraining.json"}
        (place / "run").mkdir()
        (place / "training.log").touch()
        with pytest.raises(Conflict), workplace(tmp_path, utc_now()):
            pass
    assert [path.name for path in place.iterdir()] == ["training.log"]


def retrain(cells: Path, new: str, *options: str) -> Result:
    """`leukolens retrain` on some of the drawn cells."""
    return run(cli, ["retrain", "--replay", str(cells / "old"), "--data", str(cells / new), *options])


def states() -> dict[str, bool]:
    """Which registered versions of the drawn model and its local challengers answer."""
    rows = json.loads(run(cli, ["models", "list", "--json"]).stdout)
    return {f"{row['name']}/{row['version']}": row["active"] for row in rows if row["name"].startswith(NAME)}


@pytest.mark.slow
def test_new_cells_with_right_labels_make_a_candidate(data: Path, drawn_cells: Path) -> None:
    done = retrain(drawn_cells, "clean", "--include-reviewed")
    assert done.exit_code == 0, done.output
    assert "5/5 the gate" in done.stdout
    assert states() == {f"{NAME}/0.1.0": True, f"{NAME}-local/0.1.0": False}
    bundle = read_bundle(data / "models" / f"{NAME}-local/0.1.0")
    assert bundle.manifest.origin.starting_weights.startswith(f"the convolutions of {NAME}/0.1.0")
    assert "Gate: **passed**" in bundle.card
    (row,) = json.loads(run(cli, ["retrainings", "list", "--json"]).stdout)
    assert (row["verdict"], row["reasons"], len(row["snapshot"])) == ("passed", [], 64)
    (place,) = (path for path in (data / "retrainings").iterdir() if path.is_dir())
    assert {path.name for path in place.iterdir()} == {"store", "retraining.json", "training.log"}


@pytest.mark.slow
def test_new_cells_with_flipped_labels_are_refused_and_nothing_is_kept_of_them(
    data: Path, drawn_cells: Path
) -> None:
    done = retrain(drawn_cells, "poisoned")
    assert done.exit_code == 1, done.output
    assert "mixed-up labels" in done.stderr
    assert states() == {f"{NAME}/0.1.0": True}
    (row,) = json.loads(run(cli, ["retrainings", "list", "--json"]).stdout)
    assert (row["verdict"], len(row["reasons"])) == ("refused", 1)
    assert not list((data / "retrainings").glob("*/store"))


@pytest.mark.slow
def test_a_training_that_finds_nothing_new_says_so(data: Path, drawn_cells: Path) -> None:
    done = retrain(drawn_cells, "old")
    said = " ".join(done.stderr.split())
    assert (done.exit_code, "Expected new cells to learn from, found 12" in said) == (1, True), said
    assert json.loads(run(cli, ["retrainings", "list", "--json"]).stdout) == []


def test_retraining_asks_for_cells_before_it_begins(data: Path) -> None:
    done = run(cli, ["retrain"])
    assert (done.exit_code, "--include-reviewed" in done.stderr) == (1, True)


@pytest.mark.slow
def test_the_command_takes_the_passwords_of_both_admins(data: Path) -> None:
    for name in ("ann", "bob"):
        add = ["users", "add", f"{name}@lab.example", "--name", name, "--role", "admin", "--password-stdin"]
        assert run(cli, add, input=f"{PASSWORD}\n").exit_code == 0
    override = ["retrainings", "override", "1", "--first", "ann@lab.example", "--second", "bob@lab.example"]
    override += ["--reason", "looked at it", "--password-stdin"]
    wrong = run(cli, override, input=f"{PASSWORD}\nanother one\n")
    assert (wrong.exit_code, "do not match" in wrong.stderr) == (1, True)
    unknown = run(cli, override, input=f"{PASSWORD}\n{PASSWORD}\n")
    assert (unknown.exit_code, "no retraining 1" in unknown.stderr) == (1, True)
