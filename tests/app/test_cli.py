"""The commands: what they print, their exit codes, and that JSON is JSON."""

import json
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from app.cli import app
from models.bundle import STORE
from tests.app.conftest import png_of
from tests.bundles import NAME, make_bundle

run = CliRunner().invoke


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder with two versions of the small model; the first one seeds the registry."""
    for version, seed in (("0.1.0", 0), ("0.2.0", 1)):
        make_bundle(tmp_path / "models", version, seed)
    monkeypatch.setenv("LEUKOLENS_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("LEUKOLENS_MODEL", f"{NAME}/0.1.0")
    return tmp_path


def active(data: Path) -> list[str]:
    rows = json.loads(run(app, ["models", "list", "--json"]).stdout)
    return [f"{row['name']}/{row['version']}" for row in rows if row["active"]]


def test_classify_answers_every_file_in_order_refusals_included(data: Path) -> None:
    (data / "good.png").write_bytes(png_of(1))
    (data / "words.png").write_text("words")
    files = [str(data / name) for name in ("words.png", "good.png", "missing.png")]
    done = run(app, ["classify", *files, "--json"])
    assert done.exit_code == 0, done.output
    answers = json.loads(done.stdout)
    assert [answer["file"] for answer in answers] == files
    assert [answer["error"] and answer["error"]["code"] for answer in answers] == [
        "unsupported_media_type",
        None,
        "image_unreadable",
    ]
    assert answers[0]["probabilities"] is None
    assert sum(answers[1]["probabilities"].values()) == pytest.approx(1.0)
    assert set(answers[1]) == {
        "file",
        "label",
        "prediction_set",
        "probabilities",
        "quality",
        "reasons",
        "error",
    }


def test_classify_prints_a_table_and_the_notice(data: Path) -> None:
    (data / "good.png").write_bytes(png_of(1))
    done = run(app, ["classify", str(data / "good.png")])
    assert "research use only" in done.stdout


def test_a_model_is_activated_and_rolled_back(data: Path) -> None:
    assert active(data) == [f"{NAME}/0.1.0"]
    assert run(app, ["models", "activate", f"{NAME}/0.2.0"]).exit_code == 0
    assert active(data) == [f"{NAME}/0.2.0"]
    assert run(app, ["models", "rollback"]).exit_code == 0
    assert active(data) == [f"{NAME}/0.1.0"]


def test_a_damaged_model_is_not_activated(data: Path) -> None:
    assert active(data) == [f"{NAME}/0.1.0"]
    weights = data / "models" / NAME / "0.2.0" / "weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"!")
    done = run(app, ["models", "activate", f"{NAME}/0.2.0"])
    assert done.exit_code == 1
    assert "SHA-256" in done.stderr
    assert active(data) == [f"{NAME}/0.1.0"]


def test_a_model_is_verified_exported_and_imported(data: Path, tmp_path: Path) -> None:
    assert run(app, ["models", "verify", f"{NAME}/0.1.0"]).exit_code == 0
    assert run(app, ["models", "export", f"{NAME}/0.1.0", str(tmp_path / "out")]).exit_code == 0
    exported = tmp_path / "out" / NAME / "0.1.0"
    again = run(app, ["models", "import", str(exported)])
    assert (again.exit_code, "never overwritten" in again.stderr) == (1, True)
    elsewhere = run(app, ["models", "import", str(exported), "--data-dir", str(tmp_path / "other")])
    assert elsewhere.exit_code == 0, elsewhere.output


@pytest.mark.parametrize("bad", ["nonsense", "a/b/c", "../x/1.0.0", f"{NAME}/9.9.9"])
def test_an_unknown_model_leaves_with_1(data: Path, bad: str) -> None:
    assert run(app, ["models", "activate", bad]).exit_code == 1


def test_accounts_are_made_listed_and_disabled(data: Path) -> None:
    made = run(
        app,
        ["users", "add", "Ann@Lab.example", "--name", "Ann", "--role", "viewer", "--password-stdin"],
        input="a long enough password\n",
    )
    assert made.exit_code == 0, made.output
    assert run(app, ["users", "disable", "ann@lab.example"]).exit_code == 0
    rows = json.loads(run(app, ["users", "list", "--json"]).stdout)
    assert rows == [
        {"email": "ann@lab.example", "name": "Ann", "role": "viewer", "site": "main", "disabled": True}
    ]


def test_a_site_gets_people_and_keys_of_its_own(data: Path) -> None:
    assert run(app, ["sites", "add", "north"]).exit_code == 0
    assert run(app, ["sites", "add", "north"]).exit_code == 1
    assert [row["name"] for row in json.loads(run(app, ["sites", "list", "--json"]).stdout)] == ["north"]
    person = ["users", "add", "ann@lab.example", "--name", "Ann", "--password-stdin", "--site"]
    assert run(app, [*person, "south"], input="a long enough password\n").exit_code == 1
    assert run(app, [*person, "north"], input="a long enough password\n").exit_code == 0
    assert run(app, ["users", "set-role", "ann@lab.example", "viewer"]).exit_code == 0
    row = json.loads(run(app, ["users", "list", "--json"]).stdout)[0]
    assert (row["site"], row["role"]) == ("north", "viewer")


def test_a_key_is_rotated_with_an_overlap(data: Path) -> None:
    make = ["keys", "create", "--name", "lis", "--scope", "cases:read", "--days", "30", "--json"]
    old = json.loads(run(app, make).stdout)
    new = json.loads(run(app, ["keys", "rotate", old["id"], "--overlap-days", "2", "--json"]).stdout)
    assert (new["scopes"], new["key"] != old["key"]) == (old["scopes"], True)
    first, second = json.loads(run(app, ["keys", "list", "--json"]).stdout)
    assert first["expires_at"] < second["expires_at"]


def test_a_short_password_is_refused_with_its_length(data: Path) -> None:
    done = run(app, ["users", "add", "a@b.example", "--name", "A", "--password-stdin"], input="short\n")
    assert (done.exit_code, "got 5" in done.stderr) == (1, True)


def test_a_key_is_shown_once_and_can_be_revoked(data: Path) -> None:
    scopes = ["--scope", "cases:read", "--scope", "cases:write"]
    made = json.loads(run(app, ["keys", "create", "--name", "lis", *scopes, "--json"]).stdout)
    assert set(made) == {"id", "key", "scopes"}
    assert made["scopes"] == ["cases:read", "cases:write"]
    assert made["key"] not in run(app, ["keys", "list", "--json"]).stdout
    assert run(app, ["keys", "revoke", made["id"]]).exit_code == 0
    assert json.loads(run(app, ["keys", "list", "--json"]).stdout)[0]["revoked"] is True


def test_the_database_says_whether_it_is_current(data: Path) -> None:
    assert run(app, ["db", "check"]).exit_code == 1
    assert run(app, ["db", "upgrade"]).exit_code == 0
    assert run(app, ["db", "check"]).exit_code == 0


def test_wrong_usage_leaves_with_2() -> None:
    assert run(app, ["classify"]).exit_code == 2
    assert run(app, ["keys", "create", "--name", "x", "--scope", "everything"]).exit_code == 2


def test_a_wrong_setting_leaves_with_1_and_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEUKOLENS_ENV", "production")
    done = run(app, ["users", "list"])
    assert (done.exit_code, "LEUKOLENS_SECRET_KEY" in done.stderr) == (1, True)


def test_the_shipped_bundle_is_the_default_model() -> None:
    from app.settings import Settings

    assert (STORE / Settings.model_fields["model"].default / "manifest.json").is_file()


def test_the_trail_is_verified_listed_and_exported(data: Path) -> None:
    run(app, ["sites", "add", "north"])
    whole = run(app, ["audit", "verify", "--json"])
    assert (whole.exit_code, json.loads(whole.stdout)["whole"]) == (0, True), whole.output
    assert json.loads(run(app, ["audit", "list", "--json"]).stdout)[0]["act"] == "site.added"
    assert run(app, ["audit", "export", str(data / "trail.csv"), "--as", "csv"]).exit_code == 0
    assert "site.added" in (data / "trail.csv").read_text()
    assert run(app, ["audit", "export", str(data / "trail.csv")]).exit_code == 1


def test_a_broken_trail_is_a_failure_that_names_the_line(data: Path) -> None:
    run(app, ["sites", "add", "north"])
    with sqlite3.connect(data / "case_log.sqlite3") as connection:
        connection.execute("DROP TRIGGER audit_events_no_update")
        connection.execute("UPDATE audit_events SET actor = 'nobody'")
    done = run(app, ["audit", "verify"])
    assert (done.exit_code, "breaks at line 1" in done.stderr) == (1, True)


def test_the_command_line_comes_up_without_the_database_library() -> None:
    loaded = "import sys, app.cli; print('sqlalchemy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", loaded], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
