"""A DICOM file to the pixels of one cell. Only the pixels go on: whatever else the file says of anybody is dropped here.

Only uncompressed pixels are taken. A compressed one would need a decoder for each of a dozen codecs, and a deflated
file is unpacked whole before its header can be looked at.
"""

import io
import warnings
from typing import Final

import numpy as np
from pydicom import Dataset, dcmread
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    SecondaryCaptureImageStorage,
    VLMicroscopicImageStorage,
)

from models.decoding import SIDE_PX, DecodedCell, ImageArray
from models.refusals import ImageRefused, RefusalCode, unreadable

_CLASSES: Final = (VLMicroscopicImageStorage, SecondaryCaptureImageStorage)
_SYNTAXES: Final = (ImplicitVRLittleEndian, ExplicitVRLittleEndian)
_BYTES: Final = SIDE_PX * SIDE_PX * 3
_FORM: Final = {
    "SamplesPerPixel": 3,
    "PhotometricInterpretation": "RGB",
    "BitsAllocated": 8,
    "BitsStored": 8,
    "PixelRepresentation": 0,
}


def decode_dicom(data: bytes) -> DecodedCell:
    """Read a VL Microscopic or Secondary Capture image of one cell.

    Raises:
        ImageRefused: with the code of the first rule the file breaks.
    """
    # The file's meta information is never compressed, so the name of a deflated syntax stands in it as it is.
    if DeflatedExplicitVRLittleEndian.encode() in data:
        raise _compressed()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return _decode(dcmread(io.BytesIO(data)))
    except ImageRefused:
        raise
    except Exception as broken:  # pydicom raises whatever its parser stumbles over
        raise unreadable("the DICOM file is damaged or cut off") from broken


def _decode(file: Dataset) -> DecodedCell:
    if file.file_meta.TransferSyntaxUID not in _SYNTAXES:
        raise _compressed()
    if file.SOPClassUID not in _CLASSES:
        raise unreadable("expected a VL Microscopic or Secondary Capture image in the DICOM file")
    if int(file.get("NumberOfFrames") or 1) != 1:
        raise unreadable("expected one picture, got several frames or pages")
    if (file.Rows, file.Columns) != (SIDE_PX, SIDE_PX):
        raise ImageRefused(
            RefusalCode.IMAGE_WRONG_SIZE,
            f"Expected {SIDE_PX}x{SIDE_PX} pixels, got {file.Columns}x{file.Rows}.",
        )
    for name, expected in _FORM.items():
        if file.get(name) != expected:
            raise unreadable(f"expected {name} {expected} in the DICOM file, got {file.get(name)}")
    if file.get("BurnedInAnnotation") == "YES":
        raise unreadable("the DICOM file says that text is burned into its pixels; it may name a person")
    return DecodedCell(_pixels(file), "DICOM", lossy=file.get("LossyImageCompression") == "01")


def _pixels(file: Dataset) -> ImageArray:
    if len(file.PixelData) < _BYTES:
        raise unreadable("the pixel data is damaged or cut off")
    values = np.frombuffer(file.PixelData, dtype=np.uint8, count=_BYTES)
    if file.get("PlanarConfiguration", 0) == 1:
        values = values.reshape(3, SIDE_PX, SIDE_PX).transpose(1, 2, 0)
    return np.ascontiguousarray(values.reshape(SIDE_PX, SIDE_PX, 3))


def _compressed() -> ImageRefused:
    return unreadable("expected a DICOM file with uncompressed pixels, little endian")
