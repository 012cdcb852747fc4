"""Pictures are kept durably, once, and under nothing but their digest."""

import errno
import os
from pathlib import Path

import pytest

from app.errors import NotFound, StorageFull
from app.image_store import ImageStore

DIGEST = "ab" * 32


def test_a_stored_picture_comes_back(tmp_path: Path) -> None:
    store = ImageStore(tmp_path / "images")
    store.put(DIGEST, b"png")
    assert store.read(DIGEST) == b"png"


def test_the_same_pixels_are_one_file(tmp_path: Path) -> None:
    store = ImageStore(tmp_path)
    for _ in range(3):
        store.put(DIGEST, b"png")
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == [f"{DIGEST}.png"]


@pytest.mark.parametrize("name", ["../../etc/passwd", "AB" * 32, "", "ab" * 31, f"{DIGEST}/x"])
def test_nothing_but_a_digest_is_a_name(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="SHA-256"):
        ImageStore(tmp_path).read(name)


def test_a_missing_picture_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        ImageStore(tmp_path).read(DIGEST)


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_full_disk_is_said_and_leaves_nothing(
    tmp_path: Path, call: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    happened: list[str] = []

    def full(*_: object) -> None:
        happened.append(call)
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(*(("os.fsync", full) if call == "fsync" else ("pathlib.Path.replace", full)))
    with pytest.raises(StorageFull):
        ImageStore(tmp_path).put(DIGEST, b"png")
    assert happened == [call]
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_the_file_and_all_its_folders_are_synced_before_put_returns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[str] = []
    real = os.fsync

    def remember(descriptor: int) -> None:
        synced.append(str(Path(f"/proc/self/fd/{descriptor}").readlink()))
        real(descriptor)

    monkeypatch.setattr("os.fsync", remember)
    ImageStore(tmp_path / "images").put(DIGEST, b"png")
    assert synced[0].endswith(".part")
    assert [Path(path) for path in synced[1:]] == [
        tmp_path / "images/ab/ab",
        tmp_path / "images/ab",
        tmp_path / "images",
    ]
