"""`leukolens destinations` and `leukolens outbox`: what they print and refuse."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from app.cli import app
from app.outbox.states import MessageState
from tests.app.mailroom import Mailroom
from tests.app.test_outbox import fail_until_dead

run = CliRunner().invoke


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LEUKOLENS_DATA_DIR", str(tmp_path))
    return tmp_path


def listed() -> list[dict[str, object]]:
    rows: list[dict[str, object]] = json.loads(run(app, ["destinations", "list", "--json"]).stdout)
    return rows


def test_a_destination_is_added_for_research_declared_final_and_disabled(data: Path) -> None:
    add = ["destinations", "add", "lis", "--kind", "webhook", "--address", "https://lis.example/in", "--json"]
    added = json.loads(run(app, add).stdout)
    assert (added["mode"], len(added["secret"]) >= 32) == ("research", True)
    assert added["secret"] not in json.dumps(listed())
    declare = ["destinations", "declare-final", "lis", "--by", "Dr A", "--text", "We validated it."]
    assert run(app, declare).exit_code == 0
    assert [(row["mode"], row["declared_by"]) for row in listed()] == [("final", "Dr A")]
    assert run(app, ["destinations", "disable", "lis"]).exit_code == 0
    assert [row["mode"] for row in listed()] == ["off"]


def test_a_final_declaration_needs_a_person_and_words(data: Path) -> None:
    run(app, ["destinations", "add", "lis", "--kind", "hl7", "--address", "mllp://lis.example:2575"])
    done = run(app, ["destinations", "declare-final", "lis", "--by", " ", "--text", "x"])
    assert (done.exit_code, "name of the person" in done.stderr) == (1, True)
    assert [row["mode"] for row in listed()] == ["research"]


def test_an_unknown_destination_is_refused_with_those_that_are_known(data: Path) -> None:
    run(app, ["destinations", "add", "lis", "--kind", "hl7", "--address", "mllp://lis.example:2575"])
    done = run(app, ["destinations", "disable", "lsi"])
    assert (done.exit_code, "Known: lis" in done.stderr) == (1, True)


def test_a_dead_letter_is_listed_and_let_go(data: Path) -> None:
    mailroom = Mailroom(f"sqlite:///{data / 'case_log.sqlite3'}")
    mailroom.destination()
    mailroom.announce(mailroom.case())
    fail_until_dead(mailroom, refused=True)
    rows = json.loads(run(app, ["outbox", "list", "--state", "dead", "--json"]).stdout)
    assert [(row["destination"], row["problem"]) for row in rows] == [("lis", "no answer")]
    assert run(app, ["outbox", "retry", rows[0]["id"]]).exit_code == 0
    assert [row.state for row in mailroom.rows()] == [MessageState.WAITING]
    assert run(app, ["outbox", "retry", rows[0]["id"]]).exit_code == 1
