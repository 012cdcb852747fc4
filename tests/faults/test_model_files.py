"""A bundle from outside is a stranger: what is wrong with it shows before an engine sees it, and the old model serves on."""

import asyncio
import base64
import random
import shutil
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from app.accounts.permissions import Scope
from app.audit.service import COMMAND_LINE
from app.clock import utc_now
from app.errors import Conflict, EngineUnavailable
from app.registry.service import RegistryService
from models.bundle import MANIFEST, SIGNATURE, WEIGHTS, BundleRefused, copy_bundle, read_bundle
from models.classifier import Classifier, EngineDisagrees
from tests.app.conftest import RunningApp, png_of
from tests.bundles import NAME, make_bundle
from tests.faults.hostile_bundles import LOAD_REFUSES, READ_REFUSES

FLIPS = 100


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A whole bundle that a test may spoil."""
    make_bundle(tmp_path / "from outside", "0.2.0", seed=2)
    return tmp_path / "from outside" / NAME / "0.2.0"


@pytest.mark.parametrize("name", READ_REFUSES)
def test_a_hostile_bundle_is_refused_before_an_engine_is_opened_and_nothing_of_it_runs(
    folder: Path, tmp_path: Path, name: str
) -> None:
    READ_REFUSES[name](folder, tmp_path / "canary")
    with pytest.raises(BundleRefused):
        read_bundle(folder)
    with pytest.raises(BundleRefused):
        copy_bundle(folder, tmp_path / "store")
    assert not (tmp_path / "canary").exists()
    assert not list((tmp_path / "store").rglob(MANIFEST))


@pytest.mark.parametrize("name", LOAD_REFUSES)
def test_a_bundle_that_lies_about_its_network_is_refused_before_it_answers(
    folder: Path, tmp_path: Path, name: str
) -> None:
    LOAD_REFUSES[name](folder, tmp_path / "canary")
    read_bundle(folder)
    with pytest.raises((BundleRefused, EngineDisagrees)):
        Classifier.open(folder, "ncnn")


def test_one_flipped_byte_anywhere_is_found(folder: Path) -> None:
    dice = random.Random(0)
    sound = read_bundle(folder)
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    for number in range(FLIPS):
        path = files[number % len(files)]
        data = path.read_bytes()
        at = dice.randrange(len(data))
        path.write_bytes(data[:at] + bytes([data[at] ^ 1 << dice.randrange(8)]) + data[at + 1 :])
        with pytest.raises(BundleRefused):
            read_bundle(folder, expected_sha256=sound.sha256)
        path.write_bytes(data)
    assert read_bundle(folder, expected_sha256=sound.sha256).sha256 == sound.sha256


def test_files_swapped_between_two_models_are_found(folder: Path, tmp_path: Path) -> None:
    make_bundle(tmp_path, "0.3.0", seed=3)
    shutil.copy(tmp_path / NAME / "0.3.0" / WEIGHTS, folder / WEIGHTS)
    with pytest.raises(BundleRefused, match="SHA-256"):
        read_bundle(folder)


def test_what_is_used_is_what_was_hashed_whatever_happens_to_the_files_afterwards(folder: Path) -> None:
    classifier = Classifier.open(folder, "ncnn")
    shutil.rmtree(folder)
    assert len(classifier.classify_many([])) == 0
    assert classifier.bundle.weights


def test_a_bad_model_never_replaces_the_one_that_serves(own_app: RunningApp, tmp_path: Path) -> None:
    services = own_app.services

    def try_to_switch(version: str) -> None:
        with services.database.reading() as session:
            candidate = RegistryService(session, services.stores, utc_now()).verified(f"{NAME}/{version}")
        asyncio.run(services.scorer.load(candidate))

    for number, (name, spoil) in enumerate((READ_REFUSES | LOAD_REFUSES).items()):
        make_bundle(own_app.settings.model_dir, f"0.2.{number}", seed=2)
        (tmp_path / str(number)).mkdir()
        spoil(own_app.settings.model_dir / NAME / f"0.2.{number}", tmp_path / str(number) / "canary")
        with pytest.raises((Conflict, EngineUnavailable)):
            try_to_switch(f"0.2.{number}")
        assert not (tmp_path / str(number) / "canary").exists(), name
    answer = own_app.client.post(
        "/api/v1/predictions", headers=own_app.key(Scope.CASES_WRITE), files={"image": ("c.png", png_of(1))}
    )
    assert (answer.status_code, answer.json()["model"]["version"]) == (201, "0.1.0")


def sign(folder: Path, key: Ed25519PrivateKey) -> None:
    (folder / SIGNATURE).write_bytes(base64.b64encode(key.sign((folder / MANIFEST).read_bytes())))


def test_with_a_trusted_key_only_what_it_signed_is_imported_and_activated(
    own_app: RunningApp, folder: Path, tmp_path: Path
) -> None:
    trusted, other = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    pem = trusted.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    for number, signer in enumerate((None, other)):
        if signer:
            sign(folder, signer)
        with pytest.raises(BundleRefused, match="trusted key"):
            copy_bundle(folder, tmp_path / f"store {number}", signed_by=pem)
    sign(folder, trusted)
    copy_bundle(folder, own_app.settings.model_dir, signed_by=pem)
    with own_app.services.database.unit_of_work() as session:
        registry = RegistryService(session, own_app.services.stores, utc_now(), signed_by=pem)
        with pytest.raises(Conflict, match="trusted key"):
            registry.activate(COMMAND_LINE, f"{NAME}/0.1.0")
        assert registry.activate(COMMAND_LINE, f"{NAME}/0.2.0").version == "0.2.0"
