"""Files made to break a decoder: damaged, bombs, odd TIFFs, pictures that are something else as well."""

import io
import random
import struct
import time
import zipfile
import zlib
from collections.abc import Iterator

import numpy as np
from PIL import Image, PngImagePlugin

from app.inference.upload import read_upload
from models.drawn_cells import draw_cell
from models.refusals import ImageRefused

CELL = draw_cell(3)
PLANTED = b"MUSTERMANN-ERIKA-1970"
SCRIPT = b"<script>alert(1)</script>"
FORMS: dict[str, dict[str, object]] = {
    "png": {"format": "PNG"},
    "bmp": {"format": "BMP"},
    "jpeg": {"format": "JPEG", "quality": 95},
    "webp": {"format": "WEBP", "lossless": True},
    "tiff": {"format": "TIFF"},
    "tiff-lzw": {"format": "TIFF", "compression": "tiff_lzw"},
    "tiff-deflate": {"format": "TIFF", "compression": "tiff_adobe_deflate"},
}


def encoded(pixels: np.ndarray = CELL, **options: object) -> bytes:
    """Pixels as a file."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, **options)  # type: ignore[arg-type]
    return buffer.getvalue()


def mutated(count: int, seed: int = 0) -> Iterator[bytes]:
    """Three in ten cut off anywhere, the others with 1 to 32 bytes changed; half the changes near the start."""
    dice = random.Random(seed)
    originals = [encoded(**options) for options in FORMS.values()]
    for number in range(count):
        data = bytearray(originals[number % len(originals)])
        if dice.random() < 0.3:
            yield bytes(data[: dice.randrange(len(data))])
            continue
        reach = len(data) if dice.random() < 0.5 else 512
        for _ in range(dice.randint(1, 32)):
            data[dice.randrange(reach)] = dice.randrange(256)
        yield bytes(data)


def chunk(name: bytes, data: bytes) -> bytes:
    """One chunk of a PNG file."""
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(width: int, height: int, packed: bytes, *more: bytes) -> bytes:
    """A PNG file of 8-bit RGB that says to have these sides. more: chunks before the pixels."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = [chunk(b"IHDR", header), *more, chunk(b"IDAT", packed), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def bombs() -> dict[str, bytes]:
    """Small files that unpack to much."""
    zeros = zlib.compressobj(9)
    packed = b"".join(zeros.compress(bytes(1 << 20)) for _ in range(300)) + zeros.flush()
    honest = zlib.compress(np.pad(CELL.reshape(450, -1), ((0, 0), (1, 0))).tobytes(), 9)
    bmp = bytearray(encoded(format="BMP"))
    bmp[18:26] = struct.pack("<ii", 60_000, 60_000)
    return {
        "png of 30000 x 30000": png(30_000, 30_000, packed),
        "png of 9400 x 9400": png(9_400, 9_400, packed),
        "png with 300 MB of pixels behind a header of 450 x 450": png(450, 450, packed),
        "png with a comment of 300 MB": png(450, 450, honest, chunk(b"zTXt", b"Comment\0\0" + packed)),
        "png with a colour profile of 300 MB": png(450, 450, honest, chunk(b"iCCP", b"x\0\0" + packed)),
        "bmp of 60000 x 60000": bytes(bmp),
        "tiff of 100000 x 100000": tiff(width=100_000, height=100_000),
    }


def tiff(*, big: bool = False, loop: bool = False, tags: int | None = None, **wanted: int) -> bytes:
    """A little-endian TIFF file that says what it is told to say. wanted: see `fields`; tags: how many it claims."""
    pixels = CELL.tobytes()
    fields = {
        "width": 450,
        "height": 450,
        "bits": 8,
        "compression": 1,
        "photometric": 2,
        "samples": 3,
    } | wanted
    numbers = {
        256: fields["width"],
        257: fields["height"],
        258: fields["bits"],
        259: fields["compression"],
        262: fields["photometric"],
        273: 8,
        277: fields["samples"],
        278: fields["height"],
        279: len(pixels),
        **({322: fields["tile"], 323: fields["tile"], 324: 8, 325: len(pixels)} if "tile" in fields else {}),
        339: fields.get("sample_format", 1),
    }
    start = 8 + len(pixels)
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in sorted(numbers.items()))
    directory = struct.pack("<H", len(numbers) if tags is None else tags) + entries
    following = struct.pack("<I", start if loop else 0)
    magic = struct.pack("<2sHHHQ", b"II", 43, 8, 0, 16) if big else struct.pack("<2sHI", b"II", 42, start)
    return magic + pixels + directory + following


def odd_tiffs() -> dict[str, bytes]:
    """TIFF files that are allowed or nearly so, and none of them a plain RGB picture of one cell."""
    pages = [Image.fromarray(CELL[:8, :8])] * 1000
    many = io.BytesIO()
    pages[0].save(many, "TIFF", save_all=True, append_images=pages[1:])
    modes = {mode: encoded_mode(mode) for mode in ("L", "P", "CMYK", "I;16", "F", "1", "LAB", "YCbCr")}
    return {
        "65535 tags": tiff(tags=65_535),
        "a directory that follows itself": tiff(loop=True),
        "1000 pages": many.getvalue(),
        "tiles larger than the picture": tiff(tile=4096),
        "tiles of no size": tiff(tile=0),
        "jpeg inside": encoded(format="TIFF", compression="jpeg"),
        "a BigTIFF": tiff(big=True),
        "16 bits": tiff(bits=16),
        "floating point": tiff(bits=32, sample_format=3),
        "1 x 1": tiff(width=1, height=1),
        "0 x 450": tiff(width=0),
        "450 x 0": tiff(height=0),
        "unknown compression": tiff(compression=34_712),
        **{f"mode {mode}": data for mode, data in modes.items()},
    }


def encoded_mode(mode: str) -> bytes:
    """The cell as TIFF in another colour mode."""
    picture = Image.fromarray(CELL)
    buffer = io.BytesIO()
    (picture.convert("L").convert(mode) if mode in ("F", "I;16", "1") else _converted(picture, mode)).save(
        buffer, "TIFF"
    )
    return buffer.getvalue()


def _converted(picture: Image.Image, mode: str) -> Image.Image:
    if mode != "LAB":
        return picture.convert(mode)
    return Image.merge("LAB", picture.split())


def polyglots() -> dict[str, bytes]:
    """Good pictures that are something else, too, or carry what nobody may see again."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as files:
        files.writestr("index.html", SCRIPT + PLANTED)
    exif = Image.Exif()
    exif[0x010E] = (SCRIPT + PLANTED).decode()
    text = PngImagePlugin.PngInfo()
    text.add_text("Patient", PLANTED.decode())
    text.add_itxt("XML:com.adobe.xmp", f"<x:xmpmeta>{PLANTED.decode()}</x:xmpmeta>")
    hidden = SCRIPT + PLANTED
    return {
        "png and zip": encoded(format="PNG") + archive.getvalue(),
        "jpeg and jar": encoded(format="JPEG", quality=95) + archive.getvalue(),
        "jpeg with a comment": encoded(format="JPEG", quality=95, comment=hidden),
        "jpeg with exif": encoded(format="JPEG", quality=95, exif=exif),
        "bmp and javascript": encoded(format="BMP") + b"*/alert(1)//" + hidden,
        "png with text": encoded(format="PNG", pnginfo=text, exif=exif),
        "tiff with a description": encoded(format="TIFF", tiffinfo={270: hidden.decode()}),
        "webp with xmp": encoded(format="WEBP", lossless=True, xmp=hidden, exif=exif),
    }


def decode_alone(data: bytes) -> tuple[str, float]:
    """What the decoder says of a file without a pool, and how long it takes."""
    begun = time.perf_counter()
    try:
        said: str = read_upload(data).pixels_sha256
    except ImageRefused as refusal:
        said = refusal.code
    return said, time.perf_counter() - begun
