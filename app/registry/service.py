"""Which bundle answers. A bundle is verified before it is registered, and named by digest ever after."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path

from sqlalchemy.orm import Session

from app.audit.acts import Act
from app.audit.service import SERVER, Actor, AuditService
from app.errors import BadRequest, Conflict, NotFound
from app.inference.scorer import ModelRef
from app.registry.repository import RegistryRepository
from app.registry.tables import Activation, RegisteredModel
from models.bundle import (
    MANIFEST,
    PROCEDURE_REPORT,
    Bundle,
    BundleRefused,
    Manifest,
    SubjectShare,
    TrainingAcquisition,
    read_bundle,
    read_listed,
    subject_shares,
)
from models.reference import ReferenceSet


@dataclass(frozen=True)
class Activated:
    """A registered model and whether it answers now, or did before."""

    model: RegisteredModel
    active: bool
    was_active: bool


class RegistryService:
    """Works inside the caller's unit of work; never commits.

    Args:
        stores: folders of bundles, `<name>/<version>` below each.
        signed_by: public key that must have signed what is registered or activated, see `read_bundle`.
    """

    def __init__(
        self, session: Session, stores: Sequence[Path], now: datetime, *, signed_by: str = ""
    ) -> None:
        self._registry = RegistryRepository(session)
        self._audit = AuditService(session, now)
        self._stores = stores
        self._now = now
        self._signed_by = signed_by

    def seed(self, model_id: str) -> ModelRef:
        """Register every bundle in the stores that is whole, and activate `model_id` when nothing is active.

        Raises:
            BadRequest: no bundle of that id is in the stores, or it is not whole.
        """
        for name, version in self._on_disk():
            if self._registry.model(name, version) is None and f"{name}/{version}" != model_id:
                try:
                    self._register(name, version)
                except BundleRefused:
                    continue  # `models verify` names it; a broken spare bundle must not stop the service
        active = self._registry.active()
        if active is None:
            self.activate(SERVER, model_id)
            active = self._registry.active()
            assert active is not None
        return _ref(active)

    def active(self) -> ModelRef:
        """The model that answers now.

        Raises:
            NotFound: the registry is empty.
        """
        row = self._registry.active()
        if row is None:
            raise NotFound("No model is active. Run `leukolens models activate NAME/VERSION`.")
        return _ref(row)

    def activate(self, who: Actor, model_id: str, reason: str = "") -> ModelRef:
        """Let another bundle answer from now on; it is read and verified first.

        Raises:
            NotFound: no such bundle. Conflict: the bundle is damaged or not the one registered.
        """
        name, version = split_id(model_id)
        row = self._registry.model(name, version)
        self.verified(model_id)
        if row is None:
            row = self._register(name, version)
        self._registry.add(
            Activation(
                number=self._registry.last_activation_number() + 1,
                model_id=row.id,
                activated_at=self._now,
                activated_by=who.name,
                reason=reason,
            )
        )
        self._audit.record(who, Act.MODEL_ACTIVATED, model_id, sha256=row.sha256)
        return _ref(row)

    def verified(self, model_id: str) -> ModelRef:
        """A bundle that may be activated, for the engine to try before it is: read, nothing registered.

        Raises:
            NotFound: no such bundle. Conflict: the bundle is damaged, not signed, or not the one registered.
        """
        name, version = split_id(model_id)
        row = self._registry.model(name, version)
        expected = None if row is None else row.sha256
        try:
            bundle = read_bundle(
                self._folder(name, version), expected_sha256=expected, signed_by=self._signed_by
            )
        except BundleRefused as refused:
            raise Conflict(f"{model_id} stays inactive: {refused}") from refused
        return ModelRef(name, version, bundle.sha256)

    def register(self, who: Actor, model_id: str) -> ModelRef:
        """Make a bundle of the stores known; it is a candidate until somebody activates it.

        Raises:
            NotFound: no such bundle. Conflict: it is registered already, damaged, or not signed.
        """
        name, version = split_id(model_id)
        if self._registry.model(name, version) is not None:
            raise Conflict(f"{model_id} is registered already.")
        try:
            row = self._register(name, version)
        except BundleRefused as refused:
            raise Conflict(f"{model_id} is not registered: {refused}") from refused
        self._audit.record(who, Act.MODEL_REGISTERED, model_id, sha256=row.sha256)
        return _ref(row)

    def rollback(self, who: Actor, reason: str = "") -> ModelRef:
        """Back to the model that answered before this one.

        Raises:
            Conflict: there was none.
        """
        before = self.before_the_active()
        if before is None:
            raise Conflict("There is no earlier model to go back to.")
        return self.activate(who, f"{before.name}/{before.version}", reason)

    def before_the_active(self) -> RegisteredModel | None:
        """The model that answered before the one that answers now."""
        history = self._registry.activations()
        return next((row for _, row in history if row.id != history[0][1].id), None)

    def overview(self) -> list["Activated"]:
        """Every registered model, with where it stands."""
        history = self._registry.activations()
        active = history[0][1].id if history else None
        once = {row.id for _, row in history}
        return [Activated(row, row.id == active, row.id in once) for row in self._registry.models()]

    def entry(self, name: str, version: str) -> "Activated":
        """One registered model.

        Raises:
            NotFound: it is not registered.
        """
        for entry in self.overview():
            if (entry.model.name, entry.model.version) == (name, version):
                return entry
        raise NotFound(f"There is no model {name}/{version}.")

    def manifest_or_none(self, entry: "Activated") -> Manifest | None:
        """The manifest of a registered model, or None when its bundle is gone or altered."""
        try:
            return self.manifest(_ref(entry.model))
        except (NotFound, BundleRefused):
            return None

    def models(self) -> list[RegisteredModel]:
        return self._registry.models()

    def activations(self) -> list[tuple[Activation, RegisteredModel]]:
        """Newest first."""
        return self._registry.activations()

    def bundle(self, name: str, version: str) -> Bundle:
        """A registered bundle, read and verified anew.

        Raises:
            NotFound: not registered. Conflict: its files are no longer the ones that were registered.
        """
        row = self._registry.model(name, version)
        if row is None:
            raise NotFound(f"There is no model {name}/{version}.")
        try:
            return read_bundle(self._folder(name, version), expected_sha256=row.sha256)
        except BundleRefused as refused:
            raise Conflict(f"{name}/{version} does not verify: {refused}") from refused

    def report_picture(self, name: str, version: str, file: str) -> bytes:
        """A PNG of a registered bundle's report; its bytes are held against the digest of the manifest.

        Raises:
            NotFound: no such model or picture. Conflict: the picture is not the one that was registered.
        """
        entry = self.entry(name, version)
        path = f"report/{file}"
        try:
            manifest = self.manifest(_ref(entry.model))
            if path not in manifest.report_pictures():
                raise NotFound(f"{name}/{version} has no report picture {file}.")
            return read_listed(self._folder(name, version), manifest, path)
        except BundleRefused as refused:
            raise Conflict(f"{name}/{version} does not verify: {refused}") from refused

    def subjects(self, model: ModelRef) -> tuple[SubjectShare, ...]:
        """How people of known class were called, out of fold; none where the bundle is gone or does not say."""
        try:
            manifest = self.manifest(model)
            if PROCEDURE_REPORT not in manifest.files:
                return ()
            report = read_listed(self._folder(model.name, model.version), manifest, PROCEDURE_REPORT)
            return subject_shares(report)
        except (NotFound, BundleRefused):
            return ()

    def training_acquisition(self, model: ModelRef) -> TrainingAcquisition | None:
        """How the training pictures were taken; None where the bundle is gone or does not say."""
        try:
            return self.manifest(model).acquisition
        except (NotFound, BundleRefused):
            return None

    def manifest(self, model: ModelRef) -> Manifest:
        """What a model says of itself. Verified once, then remembered: a digest never changes."""
        return _manifest(self._folder(model.name, model.version), model.sha256)

    def reference(self, model: ModelRef) -> ReferenceSet:
        """The cells a model learned from, verified once and remembered; empty where its bundle is gone or altered."""
        try:
            return _reference(self._folder(model.name, model.version), model.sha256)
        except (NotFound, BundleRefused):
            return ReferenceSet({}, 0)

    def folder(self, model: ModelRef) -> Path:
        """Where a model's bundle lies."""
        return self._folder(model.name, model.version)

    def _register(self, name: str, version: str) -> RegisteredModel:
        bundle = read_bundle(self._folder(name, version), signed_by=self._signed_by)
        if (bundle.manifest.name, bundle.manifest.version) != (name, version):
            raise BundleRefused(f"Expected the manifest of {name}/{version}, got that of {bundle.id}.")
        row = RegisteredModel(
            id=uuid.uuid4(), name=name, version=version, sha256=bundle.sha256, registered_at=self._now
        )
        self._registry.add(row)
        return row

    def _folder(self, name: str, version: str) -> Path:
        return bundle_folder(self._stores, name, version)

    def _on_disk(self) -> list[tuple[str, str]]:
        found = {
            (path.parent.parent.name, path.parent.name)
            for store in self._stores
            for path in store.glob("*/*/manifest.json")
        }
        return sorted(found)


@lru_cache(maxsize=32)
def _manifest(folder: Path, sha256: str) -> Manifest:
    return read_bundle(folder, expected_sha256=sha256).manifest


@lru_cache(maxsize=4)
def _reference(folder: Path, sha256: str) -> ReferenceSet:
    return ReferenceSet.of(read_bundle(folder, expected_sha256=sha256))


def split_id(model_id: str) -> tuple[str, str]:
    """`name/version` -> both.

    Raises:
        BadRequest: it is not of that form.
    """
    name, slash, version = model_id.partition("/")
    if not (name and slash and version) or "/" in version or ".." in model_id:
        raise BadRequest(f"Expected NAME/VERSION such as vgg16-cnmc/1.0.0, got {model_id!r}.")
    return name, version


def bundle_folder(stores: Sequence[Path], name: str, version: str) -> Path:
    """Where a bundle lies.

    Raises:
        NotFound: in none of the stores.
    """
    for store in stores:
        folder = store / name / version
        if (folder / MANIFEST).is_file():
            return folder
    raise NotFound(f"No store holds {name}/{version}. Import it with `leukolens models import FOLDER`.")


def _ref(row: RegisteredModel) -> ModelRef:
    return ModelRef(row.name, row.version, row.sha256)
