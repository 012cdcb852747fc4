"""DICOM pictures of a cell: which are taken, and that nothing but pixels goes on."""

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom import Dataset, FileMetaDataset, dcmwrite
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEGBaseline8Bit,
    MRImageStorage,
    SecondaryCaptureImageStorage,
    VLMicroscopicImageStorage,
)

from app.inference.upload import read_upload
from models.decoding import decode_cell
from models.drawn_cells import draw_cell
from models.refusals import ImageRefused, RefusalCode

CELL = draw_cell(3)
NAME = "Mustermann^Erika"


def dicom(syntax: str = ExplicitVRLittleEndian, **changes: object) -> bytes:
    """A VL Microscopic image of a drawn cell that names its patient."""
    image = Dataset()
    image.file_meta = FileMetaDataset()
    image.file_meta.TransferSyntaxUID = syntax
    image.SOPClassUID, image.SOPInstanceUID = VLMicroscopicImageStorage, "2.25.1"
    image.PatientName, image.PatientID, image.PatientBirthDate = NAME, "4711", "19700101"
    image.Rows = image.Columns = 450
    image.SamplesPerPixel, image.PhotometricInterpretation, image.PlanarConfiguration = 3, "RGB", 0
    image.BitsAllocated, image.BitsStored, image.HighBit, image.PixelRepresentation = 8, 8, 7, 0
    image.PixelData = CELL.tobytes()
    for name, value in changes.items():
        setattr(image, name, value)
    content = io.BytesIO()
    dcmwrite(content, image, enforce_file_format=True)
    return content.getvalue()


def refusal_of(data: bytes) -> ImageRefused:
    with pytest.raises(ImageRefused) as refused:
        decode_cell(data)
    return refused.value


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
@pytest.mark.parametrize("kind", [VLMicroscopicImageStorage, SecondaryCaptureImageStorage])
def test_both_kinds_give_the_pixels_as_they_are(syntax: str, kind: str) -> None:
    decoded = decode_cell(dicom(syntax, SOPClassUID=kind))
    assert (decoded.format, decoded.lossy) == ("DICOM", False)
    np.testing.assert_array_equal(decoded.pixels, CELL)


def test_planes_of_colour_are_put_together() -> None:
    planes = CELL.transpose(2, 0, 1).tobytes()
    np.testing.assert_array_equal(decode_cell(dicom(PlanarConfiguration=1, PixelData=planes)).pixels, CELL)


def test_what_was_compressed_before_is_marked_as_lossy() -> None:
    assert decode_cell(dicom(LossyImageCompression="01")).lossy is True


def test_no_word_of_the_header_goes_on() -> None:
    picture = read_upload(dicom())
    assert picture.format == "DICOM"
    for secret in (NAME, "4711", "19700101"):
        assert secret.encode() not in picture.png
        assert secret not in repr(picture)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"SOPClassUID": MRImageStorage}, "VL Microscopic"),
        ({"NumberOfFrames": "2"}, "several frames"),
        ({"BitsAllocated": 16}, "BitsAllocated 8"),
        ({"PhotometricInterpretation": "YBR_FULL"}, "PhotometricInterpretation RGB"),
        ({"SamplesPerPixel": 1}, "SamplesPerPixel 3"),
        ({"BurnedInAnnotation": "YES"}, "burned into"),
        ({"PixelData": b"\0" * 100}, "cut off"),
    ],
)
def test_another_form_is_refused_with_what_was_expected(changes: dict[str, object], words: str) -> None:
    refusal = refusal_of(dicom(**changes))
    assert refusal.code is RefusalCode.IMAGE_UNREADABLE
    assert words in refusal.detail


def test_another_size_is_refused() -> None:
    assert refusal_of(dicom(Rows=512)).code is RefusalCode.IMAGE_WRONG_SIZE


def test_compressed_and_deflated_files_are_refused_before_they_are_unpacked() -> None:
    deflated = dicom(DeflatedExplicitVRLittleEndian, PixelData=b"\0" * 50_000_000)
    assert len(deflated) < 2 * 1024 * 1024
    assert "uncompressed" in refusal_of(deflated).detail
    jpeg = dicom().replace(ExplicitVRLittleEndian.encode() + b"\0", JPEGBaseline8Bit.encode()[:20], 1)
    assert refusal_of(jpeg).code is RefusalCode.IMAGE_UNREADABLE


WHOLE = dicom()


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_damaged_file_is_refused_or_read_and_nothing_else(data: st.DataObject) -> None:
    damaged = bytearray(WHOLE)
    for _ in range(data.draw(st.integers(1, 8))):
        damaged[data.draw(st.integers(132, 900))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.one_of(st.none(), st.integers(0, len(damaged))))
    try:
        pixels = decode_cell(bytes(damaged[:cut])).pixels
    except ImageRefused:
        return
    assert pixels.shape == (450, 450, 3)
