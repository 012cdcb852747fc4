"""One sample context for every page and partial, the awkward ones included, and the address it stands at."""

from dataclasses import replace
from datetime import timedelta

from app.cases.acquisition import AcquisitionProfile, Specimen, Stain
from app.web.guide_pages import NAMES, read_guide
from app.web.intake_contexts import pictures_page, upload_page
from app.web.measured import measurement_rows
from app.web.page_contexts import (
    AccountPage,
    CaseRef,
    CaseRow,
    CasesPage,
    CellPage,
    CellResult,
    Chrome,
    ConformalSet,
    Crop,
    EarlierPrediction,
    ErrorPage,
    Field,
    FieldError,
    Flash,
    GuideLink,
    GuidesPage,
    LabelCounts,
    LoginPage,
    ModelRef,
    ModelsPage,
    NewsPartial,
    Note,
    Operation,
    Prediction,
    Probabilities,
    ReferencePage,
    Refusal,
    ResultPartial,
    SavedPartial,
    SessionRow,
    SetupPage,
    SignedIn,
    SimilarCell,
    StateCount,
    TilesPartial,
    VerdictEntry,
    VerdictPanel,
    VerdictPartial,
    Voided,
)
from app.web.words import (
    CaseState,
    CellState,
    ModelState,
    PredictionLabel,
    Role,
    Tone,
    VerdictKind,
    what_to_do,
)
from tests.web import case_work_samples as work
from tests.web.admin_samples import admin_samples
from tests.web.gallery_samples import CASE_ID, case_page, cell_id, gallery, summary, tile, tiles
from tests.web.model_samples import ACTIVATIONS, CANDIDATE, COMPARISON, MODEL_PAGE, MODEL_ROWS, RETRAININGS
from tests.web.monitoring_samples import monitoring_samples
from tests.web.sample import ADMIN, DIGEST, HOSTILE, MODEL, NOW, Sample

MEASURED = {
    "area_px2": 48213.0,
    "equivalent_diameter_px": 247.76,
    "perimeter_px": 842.3,
    "width_px": 252.0,
    "height_px": 243.0,
    "circularity": 0.8541,
    "solidity": 0.9783,
    "aspect_ratio": 0.9412,
    "dark_share": 0.7123,
    "dark_contrast": 38.24,
    "sharpness": 7.91,
    "gradient_mean": 18.22,
    "red_mean": 117.0,
    "green_mean": 71.0,
    "blue_mean": 142.0,
}


def result(malignant: float = 0.9314, label: PredictionLabel = PredictionLabel.MALIGNANT) -> CellResult:
    return CellResult(
        cell_id=cell_id(7),
        state=CellState.SCORED,
        prediction=Prediction(
            label=label,
            probabilities=Probabilities(malignant, 1 - malignant, 0.36, 0.64),
            reasons=(),
            model=MODEL,
            model_sha256=DIGEST,
            preprocessing="crop-320, version 2",
            predicted_at=NOW,
        ),
        quality=(Note("quality_good", "Sharp, whole, black around the cell.", Tone.GOOD),),
        measurements=measurement_rows(MEASURED),
        crop=Crop(65, 65, 320, 320),
        earlier=(
            EarlierPrediction(
                ModelRef("vgg16-cnmc", "0.0.9"),
                PredictionLabel.INDETERMINATE,
                0.551,
                NOW - timedelta(days=90),
            ),
        ),
    )


RANGES = {
    name: {
        PredictionLabel.MALIGNANT: (value * 0.72, value * 1.24),
        PredictionLabel.HEALTHY: (value * 0.55, value * 0.93),
    }
    for name, value in MEASURED.items()
}


def measured_result() -> CellResult:
    """A cell beside the training cells of both classes, with its conformal set and cells like it."""
    scored = result()
    assert scored.prediction is not None
    conformal = ConformalSet("0.1", (PredictionLabel.MALIGNANT, PredictionLabel.HEALTHY))
    case = CaseRef("0199c1f4a7b07d1e0007", "L-2026-0377", CaseState.SIGNED)
    return replace(
        scored,
        prediction=replace(scored.prediction, conformal=conformal),
        measurements=measurement_rows(MEASURED, RANGES, 0.16),
        scaled=True,
        learned_from="Of the 8 nearest cells the model learned from, 7 are malignant and 1 healthy by their expert's label, from 5 people.",
        similar=tuple(
            SimilarCell(cell_id(40 + place), 40 + place, case, "Malignant lymphoblast", 0.08 * place)
            for place in range(1, 6)
        ),
    )


def not_assessable() -> CellResult:
    scored = result()
    assert scored.prediction is not None
    return replace(
        scored,
        prediction=replace(
            scored.prediction,
            label=PredictionLabel.NOT_ASSESSABLE,
            probabilities=None,
            reasons=(
                Note("cut_off", "The cell touches the frame: part of it is missing.", Tone.WARNING),
                Note("out_of_distribution", "The picture is unlike the training cells.", Tone.WARNING),
            ),
        ),
        quality=(Note("jpeg", "JPEG: compression changes the texture the model reads.", Tone.WARNING),),
    )


WAITING = CellResult(cell_id(7), CellState.STORED, None, (), (), None)
REFUSED = CellResult(
    cell_id(7),
    CellState.REFUSED,
    None,
    (),
    (),
    None,
    refusal=Refusal("image_not_segmented", "Not segmented", "No black background at all was found."),
)
FAILED = CellResult(
    cell_id(7), CellState.FAILED, None, (), (), None, failure="The model could not be reached three times."
)

HISTORY = (
    VerdictEntry(
        VerdictKind.MALIGNANT_LYMPHOBLAST, "Dr. Marta Lindqvist", NOW, "Fine chromatin, two nucleoli."
    ),
    VerdictEntry(VerdictKind.UNCERTAIN, "Dr. Ola Berg", NOW - timedelta(days=2), "", bulk=True),
)


def panel(history: tuple[VerdictEntry, ...] = HISTORY) -> VerdictPanel:
    current = history[0].verdict if history else None
    return VerdictPanel(
        cell_id(7), len(history), current, history, next_cell_id=cell_id(8), reader="0199c1f4c00000000001"
    )


def cell_page(shown: CellResult, form: VerdictPanel) -> CellPage:
    return CellPage(
        case=CaseRef(CASE_ID, "L-2026-0412", CaseState.IN_REVIEW),
        position=7,
        cells=37,
        uploaded_at=NOW,
        image_sha256=DIGEST,
        previous_cell_id=cell_id(6),
        next_cell_id=cell_id(8),
        result=shown,
        panel=form,
        can_void=form.blocked is None,
    )


def case_row(number: int) -> CaseRow:
    states = tuple(CaseState)
    return CaseRow(
        case=CaseRef(
            f"0199c1f4a7b07d1e{number:04d}",
            None if number % 4 == 3 else f"L-2026-0{412 - number}",
            states[number % len(states)],
        ),
        created_at=NOW - timedelta(hours=7 * number),
        created_by=("Dr. Marta Lindqvist", "Dr. Ola Berg", "key: lab-gateway")[number % 3],
        cells=37 + number,
        waiting=5 if number == 0 else 0,
        refused=number % 3,
        labels=LabelCounts(21 + number, 8, 6, 2 if number % 2 else 0),
        with_verdict=24 if number else 0,
        drawn=number == 3,
    )


ACCOUNT_PAGE = AccountPage(
    name="Marta Lindqvist",
    email="marta@example.org",
    role=Role.REVIEWER,
    sessions=(
        SessionRow(
            "9a1de0a1-5b1e-4f7e-9f39-0d5f6a2d7c11", NOW, NOW + timedelta(minutes=4), "192.0.2.17", True
        ),
        SessionRow(
            "1c7f7d0e-27c4-4d5b-8d43-94e2bdf6b9f0",
            NOW - timedelta(hours=5),
            NOW - timedelta(minutes=12),
            "2001:db8:85a3:8d3:1319:8a2e:370:7348",
            False,
        ),
    ),
    errors=(FieldError("new_password", "Expected a password of 12 to 200 characters, got 8."),),
)


def _chrome(path: str) -> Chrome:
    return Chrome(path, ADMIN, MODEL)


def samples() -> tuple[Sample, ...]:
    """Every page at its address."""
    recent = tuple(case_row(number) for number in range(6))
    cell = f"/cells/{cell_id(7)}"
    profile = AcquisitionProfile(Specimen.BONE_MARROW_ASPIRATE, Stain.LEISHMAN, 100)
    upload = upload_page(profile, recent[:4], None, can_upload=True, max_archive_bytes=64 * 2**20)
    unknown = upload_page(AcquisitionProfile(), (), None, can_upload=True, max_archive_bytes=64 * 2**20)
    cases = CasesPage(
        rows=recent,
        search="",
        state=None,
        state_counts=tuple(StateCount(state, 3) for state in CaseState),
        total=18,
        cursor="b",
        next_cursor="c",
    )
    out = Chrome("/login", None, MODEL)
    return (
        Sample("upload", _chrome("/"), upload),
        Sample("upload-newcomer", _chrome("/?newcomer"), unknown),
        Sample("pictures", _chrome("/pictures"), pictures_page()),
        Sample(
            "upload-into-case",
            _chrome("/?case=1"),
            replace(upload, into_case=CaseRef(CASE_ID, "L-2026-0412"), recent=()),
        ),
        Sample(
            "upload-viewer",
            Chrome("/?viewer", SignedIn("Kim Viewer", Role.VIEWER), None),
            replace(upload, can_upload=False),
        ),
        Sample(
            "cases",
            replace(
                _chrome("/cases"),
                environment_warning="This server speaks http without encryption. Closed networks only.",
            ),
            cases,
        ),
        Sample(
            "cases-empty",
            _chrome("/cases?q=x"),
            replace(cases, rows=(), search=HOSTILE, total=0, cursor=None, next_cursor=None),
        ),
        Sample("case", _chrome(f"/cases/{CASE_ID}"), case_page(36, 36)),
        Sample(
            "case-blinded",
            _chrome(f"/cases/{CASE_ID}?blinded"),
            replace(case_page(24, 24), blinded=True, may_read_first=True, profile_warnings=()),
        ),
        Sample("details", _chrome(f"/cases/{CASE_ID}/details"), work.details_page()),
        Sample("details-refused", _chrome(f"/cases/{CASE_ID}/details?refused"), work.refused_details()),
        Sample("details-closed", _chrome(f"/cases/{CASE_ID}/details?closed"), work.closed_details()),
        Sample("sign-off", _chrome(f"/cases/{CASE_ID}/sign-off"), work.sign_off_page()),
        Sample("sign-off-signed", _chrome(f"/cases/{CASE_ID}/sign-off?signed"), work.signed_page()),
        Sample("sign-off-blinded", _chrome(f"/cases/{CASE_ID}/sign-off?blinded"), work.blinded_sign_off()),
        Sample("case-live", _chrome(f"/cases/{CASE_ID}?live"), case_page(14, 6)),
        Sample("case-large", _chrome(f"/cases/{CASE_ID}?large"), case_page(500, 500)),
        Sample(
            "case-tiles",
            _chrome(f"/cases/{CASE_ID}/tiles"),
            TilesPartial(replace(gallery(36, 36), tiles=tuple(tile(501 + each) for each in range(20)))),
        ),
        Sample("case-news", _chrome(f"/cases/{CASE_ID}/news"), NewsPartial(summary(14, 7), tiles(14, 7)[6:])),
        Sample("case-saved", _chrome(f"/cases/{CASE_ID}/verdicts"), SavedPartial(tiles(2, 2))),
        Sample("cell", _chrome(cell), cell_page(result(), panel())),
        Sample(
            "cell-crop-follows",
            _chrome(f"{cell}?follows"),
            cell_page(replace(measured_result(), crop=Crop(31, 102, 304, 112), drawn=True), panel()),
        ),
        Sample(
            "cell-indeterminate",
            replace(_chrome(f"{cell}?band"), flash=Flash(Tone.GOOD, "Three cells were stored.")),
            cell_page(result(0.483, PredictionLabel.INDETERMINATE), panel(())),
        ),
        Sample(
            "cell-not-assessable",
            _chrome(f"{cell}?quality"),
            cell_page(
                not_assessable(),
                replace(panel(), blocked="The case is signed. It can be amended, not edited."),
            ),
        ),
        Sample("cell-waiting", _chrome(f"{cell}?waiting"), cell_page(WAITING, panel(()))),
        Sample(
            "cell-refused",
            _chrome(f"{cell}?refused"),
            cell_page(REFUSED, replace(panel(()), blocked="A refused picture gets no verdict.")),
        ),
        Sample(
            "cell-blinded",
            _chrome(f"{cell}?blinded"),
            cell_page(replace(WAITING, state=CellState.SCORED, blinded=True), panel(())),
        ),
        Sample(
            "cell-voided",
            _chrome(f"{cell}?voided"),
            replace(
                cell_page(result(), replace(panel(), blocked="This cell was voided as misfiled.")),
                voided=Voided(NOW, "Dr. Ola Berg", "Belongs to another accession."),
            ),
        ),
        Sample("cell-failed", _chrome(f"{cell}?failed"), cell_page(FAILED, panel(()))),
        Sample("cell-result", _chrome(f"{cell}/result"), ResultPartial(result())),
        Sample("cell-verdict", _chrome(f"{cell}/verdict"), VerdictPartial(replace(panel(), just_saved=True))),
        Sample(
            "cell-conflict",
            _chrome(f"{cell}/verdict?conflict"),
            VerdictPartial(
                replace(
                    panel(), note=HOSTILE, conflict="Dr. Ola Berg gave a verdict after you opened this page."
                )
            ),
        ),
        Sample(
            "reference",
            _chrome("/api"),
            ReferencePage(
                (
                    Operation(
                        "POST",
                        "/api/v1/predictions",
                        "Store one cell image and predict its class.",
                        (
                            Field("image", "multipart/form-data", True, "one 450x450 cell image"),
                            Field("accession", "multipart/form-data", False, ""),
                        ),
                        ("201", "401", "422"),
                    ),
                )
            ),
        ),
        Sample(
            "models",
            _chrome("/models"),
            ModelsPage(
                MODEL_ROWS, ACTIVATIONS, RETRAININGS, before=CANDIDATE, trouble="0.2.0 does not verify."
            ),
        ),
        Sample("models-none", _chrome("/models?none"), ModelsPage((), ())),
        Sample(
            "model-candidate",
            _chrome("/models/vgg16-cnmc/0.2.0"),
            replace(
                MODEL_PAGE,
                model=CANDIDATE,
                state=ModelState.CANDIDATE,
                may_activate=True,
                activations=(),
                trouble="It stays inactive: weights.safetensors is another file than the registered one.",
                reason="Better calibrated",
            ),
        ),
        Sample("model-comparison", _chrome("/models/compare"), COMPARISON),
        Sample("model", _chrome("/models/vgg16-cnmc/0.2.0"), MODEL_PAGE),
        *monitoring_samples(),
        Sample("login", out, LoginPage(next="/cases", has_provider=True)),
        Sample(
            "login-failed",
            replace(out, path="/login?failed"),
            LoginPage("/", "marta@example.org", "E-mail and password do not match."),
        ),
        Sample("account", _chrome("/account"), ACCOUNT_PAGE),
        Sample("guides", _chrome("/guides"), GuidesPage((GuideLink("/guides/admin.md", "For the admin"),))),
        *(Sample(f"guide-{name}", _chrome(f"/guides/{name}"), read_guide(name)) for name in NAMES),
        Sample("setup", replace(out, path="/setup/token"), SetupPage(token="token")),
        Sample(
            "setup-errors",
            replace(out, path="/setup/token?errors"),
            SetupPage(
                "token", "marta@example.org", "", (FieldError("password", "Too short: 8 of 12 characters."),)
            ),
        ),
        Sample(
            "error",
            _chrome("/cases/none"),
            ErrorPage(
                404, "Not found", "There is no case at this address.", "not_found", what_to_do("not_found")
            ),
        ),
        *admin_samples(),
    )
