"""Reviewed cells as a data folder: what is in it, what is not and why, and that an erasure finds it."""

from pathlib import Path
from uuid import UUID, uuid4

import pytest

from app.audit.service import COMMAND_LINE
from app.audit.tables import AuditEvent
from app.cases.editing import CaseEditor
from app.cases.service import CaseService, Origin
from app.cases.tables import CaseState, Reuse
from app.clock import utc_now
from app.dataset.selection import LabelledCell, LeftOut, StoredCell, labelled, refused_for, selected
from app.dataset.service import LOCAL, SHARED, DatasetService, Exported
from app.erasure.service import Cause
from app.errors import Conflict
from app.inference.upload import read_upload
from app.reviews.standing import CellVerdicts
from app.reviews.tables import Reading, Review, Verdict
from models.decoding import decode_cell
from models.labels import Label
from tests.app.cases import Desk, score_of
from tests.app.conftest import RunningApp, png_of
from tests.faults.test_erasure import erasure_of
from training.cells.dataset import read_dataset

MALIGNANT, NORMAL = Verdict.MALIGNANT_LYMPHOBLAST, Verdict.NORMAL_PRECURSOR


def stored(**changed: object) -> StoredCell:
    """A cell that may be used, but for what is changed."""
    values = {
        "cell_id": uuid4(),
        "image_sha256": "a" * 64,
        "pixels_sha256": "b" * 64,
        "voided": False,
        "drawn": False,
        "case_state": CaseState.SIGNED,
        "subject_ref": "S-1",
        "reuse": Reuse.LOCAL_TRAINING,
        "read_blind": True,
    }
    return StoredCell(**values | changed)  # type: ignore[arg-type]


def verdict(reading: Reading, said: Verdict, *, bulk: bool = False) -> Review:
    return Review(reading=reading, number=1, verdict=said, bulk=bulk, withdraws=None, author_id=uuid4())


def read(first: Verdict, second: Verdict, third: Verdict | None = None) -> CellVerdicts:
    rows = [verdict(Reading.FIRST, first), verdict(Reading.SECOND, second)]
    return CellVerdicts.of(rows + ([verdict(Reading.ADJUDICATION, third)] if third else []))


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({}, None),
        ({"voided": True}, LeftOut.NO_CELL),
        ({"pixels_sha256": None}, LeftOut.NO_CELL),
        ({"drawn": True}, LeftOut.DRAWN),
        ({"case_state": CaseState.RETRACTED}, LeftOut.RETRACTED),
        ({"reuse": Reuse.NONE}, LeftOut.NOT_PERMITTED),
        ({"subject_ref": None}, LeftOut.NO_SUBJECT),
        ({"read_blind": False}, LeftOut.NOT_READ_BLIND),
    ],
)
def test_a_cell_is_used_only_when_nothing_stands_against_it(
    changed: dict[str, object], reason: LeftOut | None
) -> None:
    assert refused_for(stored(**changed), LOCAL) is reason


def test_only_a_shareable_cell_leaves_the_site() -> None:
    assert refused_for(stored(reuse=Reuse.LOCAL_TRAINING), SHARED) is LeftOut.NOT_PERMITTED
    assert refused_for(stored(reuse=Reuse.SHAREABLE), SHARED) is None


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        (read(MALIGNANT, MALIGNANT), Label.MALIGNANT),
        (read(NORMAL, NORMAL), Label.HEALTHY),
        (read(MALIGNANT, NORMAL), LeftOut.DISPUTED),
        (read(MALIGNANT, NORMAL, NORMAL), Label.HEALTHY),
        (read(MALIGNANT, NORMAL, Verdict.UNCERTAIN), LeftOut.NO_CLASS),
        (read(Verdict.OTHER_OR_ARTEFACT, Verdict.OTHER_OR_ARTEFACT), LeftOut.NO_CLASS),
        (CellVerdicts.of([verdict(Reading.FIRST, MALIGNANT)]), LeftOut.NOT_READ_BLIND),
        (
            CellVerdicts.of(
                [verdict(Reading.FIRST, MALIGNANT), verdict(Reading.SECOND, MALIGNANT, bulk=True)]
            ),
            LeftOut.IN_BULK,
        ),
    ],
)
def test_a_label_is_two_agreeing_readers_or_an_adjudication(
    verdicts: CellVerdicts, expected: Label | LeftOut
) -> None:
    found = labelled(stored(), verdicts)
    assert (found if isinstance(found, LeftOut) else found.label) == expected


def test_a_picture_counts_once_and_not_at_all_where_it_contradicts_itself() -> None:
    def cell(image: str, pixels: str, subject: str = "S-1", label: Label = Label.HEALTHY) -> LabelledCell:
        return LabelledCell(image, pixels, subject, label, frozenset())

    found = selected(
        [
            cell("1", "same"),
            cell("2", "same"),
            cell("3", "other class"),
            cell("4", "other class", label=Label.MALIGNANT),
            cell("5", "other person"),
            cell("6", "other person", subject="S-2"),
        ]
    )
    assert [each.image_sha256 for each in found.cells] == ["1"]
    assert found.left_out == {LeftOut.REPEATED: 1, LeftOut.CONTRADICTED: 4}


def test_no_reader_speaks_for_more_cells_than_the_cap() -> None:
    busy, other = uuid4(), uuid4()
    cells = [LabelledCell(str(i), str(i), "S", Label.HEALTHY, frozenset({busy})) for i in range(5)]
    cells += [LabelledCell("9", "9", "S", Label.HEALTHY, frozenset({other}))]
    found = selected(cells, cells_a_reader=3)
    assert [sum(reader in each.readers for each in found.cells) for reader in (busy, other)] == [3, 1]
    assert found.left_out == {LeftOut.READER_IS_FULL: 2}


def read_case(desk: Desk, subject: str, seeds: range, said: Verdict, reuse: Reuse) -> UUID:
    """A case of distinct cells, read by two who say the same."""
    services = desk.app.services
    first, second = desk.persons(2)
    with services.database.unit_of_work() as session:
        cases = CaseService(session, utc_now())
        case, _ = cases.open_case(first, None)
        cells = []
        for seed in seeds:
            picture = read_upload(png_of(seed))
            services.images.put(picture.pixels_sha256, picture.png)
            cells.append(cases.add_cell(first, case.id, picture, None, Origin(), leased=True).id)
            cases.add_prediction(first.site_id, cells[-1], score_of(0.9), None)
    desk.set(case.id, second_read=True, subject_ref=subject)
    with desk.reviews() as reviews:
        reviews.take_first_reading(first, case.id)
    for reader in (first, second):
        for cell_id in cells:
            desk.judge(reader, cell_id, said)
    permit(desk, case.id, reuse)
    return case.id


def permit(desk: Desk, case_id: UUID, reuse: Reuse) -> None:
    (person,) = desk.persons(1)
    with desk.app.services.database.unit_of_work() as session:
        editor = CaseEditor(session, utc_now(), lambda _: None)
        editor.set_reuse(person, case_id, reuse, "consent 7", None)


def export(desk: Desk, folder: Path) -> Exported:
    services = desk.app.services
    dataset = DatasetService(services.database, services.images, desk.app.settings.secret, utc_now)
    (person,) = desk.persons(1)
    return dataset.export(COMMAND_LINE, person.site_id, folder)


def test_the_folder_is_one_that_training_reads_and_an_erasure_finds(
    own_app: RunningApp, tmp_path: Path
) -> None:
    desk = Desk(own_app)
    read_case(desk, "SUBJECT-A", range(2), MALIGNANT, Reuse.LOCAL_TRAINING)
    read_case(desk, "SUBJECT-B", range(2, 5), NORMAL, Reuse.SHAREABLE)
    withdrawn = read_case(desk, "SUBJECT-C", range(5, 6), NORMAL, Reuse.SHAREABLE)
    permit(desk, withdrawn, Reuse.NONE)
    done = export(desk, tmp_path / "out")
    assert (done.cells, done.people, done.left_out) == (5, 2, {LeftOut.NOT_PERMITTED: 1})
    cells = read_dataset(tmp_path / "out")
    assert sorted(cell.label for cell in cells) == ["healthy"] * 3 + ["malignant"] * 2
    assert len({cell.leak_group for cell in cells}) == 2
    assert {cell.split for cell in cells} == {"train"}
    decode_cell(cells[0].path.read_bytes())
    assert "SUBJECT" not in (tmp_path / "out/index.csv").read_text()

    gone = erasure_of(own_app).erase(COMMAND_LINE, erasure_of(own_app).of_subject("SUBJECT-B"), Cause.SUBJECT)
    assert (gone.exported.pictures, gone.exported.unreachable) == (3, ())
    assert [cell.label for cell in read_dataset(tmp_path / "out")] == ["malignant"] * 2
    assert len(list((tmp_path / "out/cells").iterdir())) == 2


def test_an_export_is_a_line_of_the_trail_and_never_overwrites(own_app: RunningApp, tmp_path: Path) -> None:
    desk = Desk(own_app)
    (tmp_path / "out").mkdir()
    done = export(desk, tmp_path / "out")
    with own_app.services.database.reading() as session:
        line = session.query(AuditEvent).filter_by(act="dataset.exported").one()
    assert (line.object_id, line.details["cells"]) == (str(done.export_id), 0)
    with pytest.raises(Conflict, match="something lies in"):
        export(desk, tmp_path / "out")


def test_a_folder_that_was_moved_is_named_when_somebody_is_erased(
    own_app: RunningApp, tmp_path: Path
) -> None:
    desk = Desk(own_app)
    read_case(desk, "SUBJECT-A", range(1), MALIGNANT, Reuse.LOCAL_TRAINING)
    export(desk, tmp_path / "out")
    (tmp_path / "out").rename(tmp_path / "moved")
    gone = erasure_of(own_app).erase(COMMAND_LINE, erasure_of(own_app).of_subject("SUBJECT-A"), Cause.SUBJECT)
    assert (gone.exported.pictures, gone.exported.unreachable) == (0, (str(tmp_path / "out"),))
