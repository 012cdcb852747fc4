"""Bulk scoring: one whole row per file, in order, whatever stopped the run before."""

import csv
import json
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from app.bulk.answer_file import COLUMNS, AnswerFile, open_answer_file, row_of
from app.bulk.folder import image_names
from app.classify import refused_answer
from app.cli import app
from app.errors import BadRequest, Conflict, StorageFull
from app.inference.scorer import ModelRef
from models.classifier import Classifier
from models.decoding import decode_cell
from models.engines import open_engine
from tests.app.conftest import png_of
from tests.bundles import NAME, make_bundle

run = CliRunner().invoke
MODEL = ModelRef("m", "1.0.0", "a" * 64)


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder with two versions of the small model."""
    for version, seed in (("0.1.0", 0), ("0.2.0", 1)):
        make_bundle(tmp_path / "data/models", version, seed)
    monkeypatch.setenv("LEUKOLENS_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("LEUKOLENS_MODEL", f"{NAME}/0.1.0")
    return tmp_path


@pytest.fixture
def cells(data: Path) -> Path:
    """Five drawn cells and a file of words, in two folders, with things beside them that are no images."""
    folder = data / "cells"
    (folder / "b").mkdir(parents=True)
    for number, name in enumerate(("a.png", "b/1.png", "b/2.png", "b.png", "c.PNG"), 1):
        (folder / name).write_bytes(png_of(number))
    (folder / "=words.png").write_text("words")
    (folder / "index.csv").write_text("not an image")
    (folder / "._a.png").write_text("left by macOS")
    return folder


NAMES = ["=words.png", "a.png", "b/1.png", "b/2.png", "b.png", "c.PNG"]


def score(folder: Path, out: Path, *options: str) -> dict[str, object]:
    done = run(app, ["score", str(folder), "--out", str(out), "--json", *options])
    assert done.exit_code == 0, done.output
    found: dict[str, object] = json.loads(done.stdout)
    return found


def flat(printed: str) -> str:
    """Text as it was before the console broke its lines."""
    return " ".join(printed.split())


def rows_of(out: Path) -> list[dict[str, str]]:
    with out.open(newline="", encoding="utf-8", errors="surrogateescape") as file:
        return list(csv.DictReader(file))


def test_every_image_gets_its_own_answer_in_sorted_order(data: Path, cells: Path) -> None:
    out = data / "out.csv"
    assert score(cells, out) == {
        "images": 6,
        "kept": 0,
        "scored": 5,
        "refused": 1,
        "repaired": False,
        "out": str(out),
    }
    refused, *scored = rows_of(out)
    assert [refused["file"], *(row["file"] for row in scored)] == ["'=words.png", *NAMES[1:]]
    assert (refused["error_code"], refused["label"]) == ("unsupported_media_type", "")
    classifier = Classifier.open(data / "data/models" / NAME / "0.1.0", "ncnn")
    for name, row in zip(NAMES[1:], scored, strict=True):
        expected = classifier.classify([decode_cell((cells / name).read_bytes()).pixels])[0]
        assert float(row["p_malignant"]) == expected.p_malignant
        assert row["label"] == expected.label.value
        assert float(row["p_malignant"]) + float(row["p_healthy"]) == pytest.approx(1.0)
        assert row["model_sha256"] == classifier.bundle.sha256


def test_the_images_digest_is_that_of_the_files_bytes(data: Path, cells: Path) -> None:
    score(cells, data / "out.csv")
    done = subprocess.run(["sha256sum", cells / "a.png"], capture_output=True, text=True, check=True)
    assert rows_of(data / "out.csv")[1]["image_sha256"] == done.stdout.split()[0]


def test_a_second_run_keeps_every_row_and_adds_what_is_new(data: Path, cells: Path) -> None:
    out = data / "out.csv"
    score(cells, out)
    before = out.read_bytes()
    assert score(cells, out)["kept"] == 6
    assert out.read_bytes() == before
    (cells / "a2.png").write_bytes(png_of(9))
    again = score(cells, out)
    assert (again["kept"], again["scored"]) == (6, 1)
    assert out.read_bytes().startswith(before)


@pytest.mark.parametrize("cut", [1, 40, 200, 260, 700])
def test_a_file_cut_anywhere_ends_as_if_nothing_had_happened(data: Path, cells: Path, cut: int) -> None:
    out = data / "out.csv"
    score(cells, out)
    whole = out.read_bytes()
    out.write_bytes(whole[:-cut])
    assert score(cells, out)["repaired"] is (whole[-cut - 1 : -cut] != b"\n")
    assert out.read_bytes() == whole


def test_a_file_cut_inside_its_header_is_begun_anew(data: Path, cells: Path) -> None:
    out = data / "out.csv"
    score(cells, out)
    whole = out.read_bytes()
    for length in (0, 5):
        out.write_bytes(whole[:length])
        score(cells, out)
        assert out.read_bytes() == whole


def test_zeros_that_a_power_cut_left_are_cut_off(data: Path, cells: Path) -> None:
    out = data / "out.csv"
    score(cells, out)
    whole = out.read_bytes()
    lines = whole.splitlines(keepends=True)
    out.write_bytes(b"".join(lines[:3]) + b"\0" * 300 + b"\n" + lines[4])
    assert score(cells, out)["repaired"] is True
    assert out.read_bytes() == whole


def test_another_models_file_is_refused_and_stays_as_it_is(data: Path, cells: Path) -> None:
    out = data / "out.csv"
    score(cells, out)
    before = out.read_bytes()
    done = run(app, ["score", str(cells), "--out", str(out), "--model", f"{NAME}/0.2.0"])
    assert done.exit_code == 1
    assert f"{NAME}/0.1.0" in done.stderr
    assert out.read_bytes() == before


@pytest.mark.parametrize("content", ["file,label\na.png,healthy\n", "words", "\n", '"open quote'])
def test_a_file_of_another_kind_is_refused_and_stays_as_it_is(data: Path, cells: Path, content: str) -> None:
    out = data / "table.csv"
    out.write_text(content)
    done = run(app, ["score", str(cells), "--out", str(out)])
    assert (done.exit_code, "was not written by" in flat(done.stderr)) == (1, True)
    assert out.read_text() == content


def test_wrong_usage_leaves_with_2_and_a_folder_without_images_with_1(data: Path) -> None:
    out = ["--out", str(data / "out.csv")]
    assert run(app, ["score", str(data / "nowhere"), *out]).exit_code == 2
    assert run(app, ["score", str(data)]).exit_code == 2
    (data / "empty").mkdir()
    done = run(app, ["score", str(data / "empty"), *out])
    assert (done.exit_code, "found none" in flat(done.stderr)) == (1, True)
    assert not (data / "out.csv").exists()


def test_an_answer_file_that_cannot_be_made_is_named(data: Path, cells: Path) -> None:
    done = run(app, ["score", str(cells), "--out", str(data / "nowhere/out.csv")])
    assert (done.exit_code, "nowhere" in done.stderr) == (1, True)


@pytest.mark.slow
def test_an_interrupted_run_leaves_a_whole_file_and_goes_on(data: Path) -> None:
    """Ctrl-C in a real process: exit 1, whole rows only, and the next run ends with every file once."""
    folder, out = data / "many", data / "out.csv"
    folder.mkdir()
    for number in range(8):
        picture = png_of(number)
        for copy in range(20):
            (folder / f"{copy:02d}_{number}.png").write_bytes(picture)
    process = subprocess.Popen(
        # Slower than this test, which must see it half way on a crowded machine too.
        ["nice", "-n", "19", sys.executable, "-m", "app.cli", "score", folder, "--out", out],
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        env=os.environ,
    )
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and (not out.exists() or out.read_bytes().count(b"\n") < 5):
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=30)
    rows = rows_of(out)
    assert (process.returncode, b"goes on" in stderr) == (1, True), stderr
    assert out.read_bytes().endswith(b"\n")
    assert 4 <= len(rows) < 160
    done = score(folder, out)
    assert (done["kept"], done["scored"], done["repaired"]) == (len(rows), 160 - len(rows), False)
    assert [row["file"] for row in rows_of(out)] == list(image_names(folder))


def test_a_cell_that_the_network_cannot_score_fails_alone(data: Path, cells: Path) -> None:
    from app.bulk.local import score_files

    bundle = Classifier.open(data / "data/models" / NAME / "0.1.0", "ncnn").bundle
    classifier = Classifier(bundle, open_engine(bundle, "ncnn"))
    poisoned = decode_cell(png_of(3)).pixels
    inner = classifier.engine.maps
    recipe = bundle.manifest.preprocessing
    target = recipe.normalise(recipe.crop(poisoned))

    class Poisoned:
        name, streams, batch = "scripted", 2, 4

        def maps(self, images):  # type: ignore[no-untyped-def]
            maps = inner(images)
            for index, image in enumerate(images):
                if (image == target).all():
                    maps[index] = float("nan")
            return maps

    classifier.engine = Poisoned()
    rows = list(score_files(cells, NAMES, classifier))
    assert [row["file"] for row in rows] == NAMES
    assert [row["error_code"] for row in rows] == ["unsupported_media_type", "", "", "score_failed", "", ""]


# The answer file alone.


def add_names(path: Path, names: list[str], model: ModelRef = MODEL) -> AnswerFile:
    with open_answer_file(path, model) as answers:
        for name in names:
            answers.add(row_of("", refused_answer(name, BadRequest('=1+1, it says "no"\nand more')), model))
    return answers


@pytest.mark.parametrize(
    "name", ["=1+1", "+1", "-1", "@x", "'=1+1", "\t=1", "a,b", 'a"b', "a\nb", "bad\udcff"]
)
def test_no_name_becomes_a_formula_and_every_name_is_found_again(tmp_path: Path, name: str) -> None:
    out = tmp_path / "out.csv"
    add_names(out, [name, "next"])
    (cell, _) = (row["file"] for row in rows_of(out))
    assert not cell.startswith(("=", "+", "-", "@", "\t"))
    assert cell.removeprefix("'") == name or cell == name
    with open_answer_file(out, MODEL) as answers:
        assert answers.has(name)
        assert answers.has("next")
        assert not answers.has(name + "x")
        assert (answers.kept, answers.repaired) == (2, False)
    assert all(row["error_detail"].startswith("'=1+1") for row in rows_of(out))


def test_two_runs_never_write_the_same_file(tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    with open_answer_file(out, MODEL), pytest.raises(Conflict, match="Another run"):
        add_names(out, ["a"])
    assert add_names(out, ["a"]).kept == 0


def test_a_full_disk_leaves_whole_rows(tmp_path: Path) -> None:
    """The kernel refuses to let the file grow, in the middle of a row."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        with pytest.raises(StorageFull):
            add_names(tmp_path / "out.csv", [str(number) for number in range(50)])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    rows = rows_of(tmp_path / "out.csv")
    assert [row["file"] for row in rows] == [str(number) for number in range(len(rows))]
    assert 0 < len(rows) < 50
    assert (tmp_path / "out.csv").read_bytes().endswith(b"\n")
    assert tuple(rows[0]) == COLUMNS
