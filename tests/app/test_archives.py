"""Zips of cells: what is taken, what is refused one by one, what is ignored; duplicates are noted."""

import io
import uuid
import zipfile

import pytest

from app.accounts.permissions import Scope
from tests.app.conftest import RunningApp, png_of
from tests.app.test_cases import case_when_scored, open_case, upload


def zip_of(files: dict[str, bytes], **options: int) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", **options) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def send(app: RunningApp, headers: dict[str, str], case_id: str, data: bytes):
    files = {"archive": ("cells.zip", data)}
    return app.client.post(f"/api/v1/cases/{case_id}/archive", headers=headers, files=files)


def test_a_zip_is_taken_in_its_order_and_a_bad_file_fails_alone(app: RunningApp, lab: dict[str, str]) -> None:
    case_id = open_case(app, lab)
    answer = send(app, lab, case_id, zip_of({"b/2.png": png_of(2), "a.txt": b"words", "1.png": png_of(1)}))
    taken = answer.json()
    assert (answer.status_code, taken["ignored"]) == (202, 0)
    assert [entry["file"] for entry in taken["cells"]] == ["b/2.png", "a.txt", "1.png"]
    assert [entry["state"] for entry in taken["cells"]] == ["stored", "refused", "stored"]
    case = case_when_scored(app, lab, case_id)
    assert [cell["state"] for cell in case["contents"]] == ["scored", "refused", "scored"]


def test_names_that_climb_hidden_files_and_inner_archives_are_ignored(
    app: RunningApp, lab: dict[str, str]
) -> None:
    inner = zip_of({"1.png": png_of(1)})
    files = {
        "../../etc/1.png": png_of(1),
        "/1.png": png_of(1),
        "C:\\1.png": png_of(1),
        "..\\1.png": png_of(1),
        "__MACOSX/._1.png": b"",
        ".DS_Store": b"",
        "more.zip": inner,
        "folder/": b"",
        "1.png": png_of(1),
    }
    taken = send(app, lab, open_case(app, lab), zip_of(files)).json()
    assert ([entry["file"] for entry in taken["cells"]], taken["ignored"]) == (["1.png"], 8)


def test_a_bomb_is_refused_and_its_neighbours_are_taken(app: RunningApp, lab: dict[str, str]) -> None:
    files = {"bomb.png": bytes(50_000_000), "thin.png": bytes(1_900_000), "1.png": png_of(1)}
    data = zip_of(files, compression=zipfile.ZIP_DEFLATED)
    taken = send(app, lab, open_case(app, lab), data).json()["cells"]
    assert [entry["error"]["code"] if entry["error"] else None for entry in taken] == [
        "payload_too_large",
        "payload_too_large",
        None,
    ]


def test_a_damaged_file_is_refused_alone(app: RunningApp, lab: dict[str, str]) -> None:
    data = bytearray(zip_of({"1.png": png_of(1), "2.png": png_of(2)}))
    data[200] ^= 0xFF
    taken = send(app, lab, open_case(app, lab), bytes(data)).json()["cells"]
    assert [entry["error"]["code"] if entry["error"] else None for entry in taken] == [
        "image_unreadable",
        None,
    ]


@pytest.mark.parametrize(
    ("data", "status", "code"),
    [
        pytest.param(b"no zip at all", 415, "unsupported_media_type", id="text"),
        pytest.param(zip_of({"1.png": png_of(1)})[:-30], 415, "unsupported_media_type", id="cut off"),
        pytest.param(
            zip_of({f"{number}.png": b"" for number in range(1001)}),
            413,
            "payload_too_large",
            id="1001 files",
        ),
    ],
)
def test_what_is_no_zip_or_too_much_is_refused_whole(
    app: RunningApp, lab: dict[str, str], data: bytes, status: int, code: str
) -> None:
    case_id = open_case(app, lab)
    answer = send(app, lab, case_id, data)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert app.client.get(f"/api/v1/cases/{case_id}", headers=lab).json()["contents"] == []


def test_a_repeated_zip_with_its_key_stores_nothing_twice(app: RunningApp, lab: dict[str, str]) -> None:
    case_id = open_case(app, lab)
    keyed = lab | {"Idempotency-Key": uuid.uuid4().hex}
    data = zip_of({"1.png": png_of(1), "2.png": png_of(2)})
    assert send(app, keyed, case_id, data).json() == send(app, keyed, case_id, data).json()
    assert len(case_when_scored(app, lab, case_id)["contents"]) == 2


def test_a_file_that_came_before_is_noted_within_the_site_and_taken(own_app: RunningApp) -> None:
    lab = own_app.key(Scope.CASES_READ, Scope.CASES_WRITE)
    first = upload(own_app, lab, open_case(own_app, lab), [png_of(1)])["cells"][0]
    again = upload(own_app, lab, open_case(own_app, lab), [png_of(1), png_of(2)])["cells"]
    assert first["duplicate_of"] is None
    assert [entry["duplicate_of"] for entry in again] == [first["cell_id"], None]
