"""Many uploads at once, some given up half-way, some of them no cells: does anyone get another one's answer?

Used by the test and by the benchmark's row. Every picture is different, and its own prediction is known
beforehand from the classifier alone.
"""

import asyncio
import io
import random
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
from PIL import Image

from app.inference.upload import encode_png
from models.classifier import Classifier
from models.drawn_cells import draw_cell
from models.measurements import ImageArray
from tests.performance.images import eight_turns
from tests.performance.load import MULTIPART, multipart

CLIENTS = 64
CANCELLED_SHARE = 0.20
BAD_SHARE = 0.05
CELLS_A_CASE = 50
BUSY_PAUSE_S = 0.2
PREDICTIONS = "/api/v1/predictions"


@dataclass(frozen=True)
class Sent:
    """One upload. p_malignant: what the classifier alone says, None for a bad file. give_up_after_s: None
    where the client waits for its answer.
    """

    number: int
    data: bytes
    p_malignant: float | None
    give_up_after_s: float | None

    @property
    def accession(self) -> str:
        return f"crosstalk-{self.number // CELLS_A_CASE}"


@dataclass
class Crosstalk:
    """What happened. wrong: answers, and cells found in the case log afterwards, that belong to no or another
    upload. busy: how often a client was sent away at the door and came again. late: uploads that were stored,
    but not scored within the deadline. stored_after_cancel: cells of given-up uploads that the log holds all
    the same, each checked too.
    """

    answered: int = 0
    refused: int = 0
    cancelled: int = 0
    busy: int = 0
    late: int = 0
    stored_after_cancel: int = 0
    unscored: int = 0
    wrong: list[str] = field(default_factory=list)


LONGEST_PATIENCE_S = 1.5
"""Given up at any point of the way: before the body is sent, while it is decoded, and after it was stored."""


def make_uploads(folder: Path, count: int, seed: int = 0) -> list[Sent]:
    """Different drawn cells with their predictions by the bundle in `folder`; the shares are exact."""
    pictures = [turn for shape in range(-(-count // 8)) for turn in eight_turns(draw_cell(shape))][:count]
    classifier = Classifier.open(folder, "ncnn")
    outputs = classifier.classify_many(pictures)
    dice = random.Random(seed)
    fates = ["bad"] * round(count * BAD_SHARE) + ["cancel"] * round(count * CANCELLED_SHARE)
    fates += ["wait"] * (count - len(fates))
    dice.shuffle(fates)
    with ThreadPoolExecutor() as pool:
        files = list(pool.map(encode_png, pictures))
    return [
        Sent(
            number,
            _spoilt(file, pictures[number], number) if fate == "bad" else file,
            None if fate == "bad" else output.p_malignant,
            dice.uniform(0.0, LONGEST_PATIENCE_S) if fate == "cancel" else None,
        )
        for number, (file, output, fate) in enumerate(zip(files, outputs, fates, strict=True))
    ]


def send_all(address: str, headers: dict[str, str], uploads: list[Sent]) -> Crosstalk:
    """Send everything, `CLIENTS` at a time, then read the case log back."""
    return asyncio.run(_send_all(address, headers, uploads))


async def _send_all(address: str, headers: dict[str, str], uploads: list[Sent]) -> Crosstalk:
    found = Crosstalk()
    limits = httpx2.Limits(max_connections=CLIENTS * 2, max_keepalive_connections=0)
    async with httpx2.AsyncClient(base_url=address, headers=headers, limits=limits, timeout=120) as http:
        for accession in sorted({upload.accession for upload in uploads}):
            (await http.post("/api/v1/cases", json={"accession": accession})).raise_for_status()
        waiting = iter(uploads)

        async def client() -> None:
            for upload in waiting:
                await _send(http, upload, found)

        await asyncio.gather(*(client() for _ in range(CLIENTS)))
        await _read_back(http, uploads, found)
    return found


async def _send(http: httpx2.AsyncClient, upload: Sent, found: Crosstalk) -> None:
    body = multipart(upload.data, accession=upload.accession, client_ref=str(upload.number))
    post = asyncio.ensure_future(_post(http, body, found))
    if upload.give_up_after_s is not None:
        done, _ = await asyncio.wait({post}, timeout=upload.give_up_after_s)
        if not done:
            post.cancel()
            await asyncio.gather(post, return_exceptions=True)
            found.cancelled += 1
            return
    response = await post
    if response.status_code == 201:
        found.answered += 1
        _check(upload, response.json(), found)
    elif response.status_code == 503:
        found.late += 1
    elif upload.p_malignant is None and response.status_code in (415, 422):
        found.refused += 1
    else:
        found.wrong.append(f"upload {upload.number}: status {response.status_code}, {response.text[:200]}")


async def _post(http: httpx2.AsyncClient, body: bytes, found: Crosstalk) -> httpx2.Response:
    while True:
        response = await http.post(PREDICTIONS, content=body, headers={"content-type": MULTIPART})
        if response.status_code != 503 or "is stored" in response.text:
            return response
        found.busy += 1
        await asyncio.sleep(BUSY_PAUSE_S)


def _check(upload: Sent, answer: dict[str, Any], found: Crosstalk) -> None:
    probabilities = answer["probabilities"]
    same_file = answer["image_sha256"] == sha256(upload.data).hexdigest()
    same_number = probabilities is not None and probabilities["malignant"] == upload.p_malignant
    if not (same_file and same_number):
        found.wrong.append(f"upload {upload.number}: expected {upload.p_malignant}, got {answer}")


async def _read_back(http: httpx2.AsyncClient, uploads: list[Sent], found: Crosstalk) -> None:
    """Every stored cell, those of given-up uploads included, must carry its own picture's prediction."""
    page: str | None = ""
    gave_up = {upload.number for upload in uploads if upload.give_up_after_s is not None}
    stored: Counter[int] = Counter()
    while page is not None:
        query = {"search": "crosstalk-", "limit": "100", **({"cursor": page} if page else {})}
        listed = (await http.get("/api/v1/cases", params=query)).json()
        for case in listed["cases"]:
            whole = (await http.get(f"/api/v1/cases/{case['id']}")).json()
            for cell in whole["contents"]:
                number = int(cell["client_ref"])
                stored[number] += 1
                if cell["prediction"] is None:
                    found.unscored += 1
                else:
                    _check(uploads[number], {**cell, **cell["prediction"]}, found)
        page = listed["next_cursor"]
    found.stored_after_cancel = sum(stored[number] for number in gave_up)


def _spoilt(png: bytes, pixels: ImageArray, number: int) -> bytes:
    """A file that must be refused: cut off, too small, no picture, or a picture with no cell."""
    if number % 4 == 0:
        return png[: len(png) // 2]
    if number % 4 == 1:
        small = io.BytesIO()
        Image.fromarray(pixels[:300, :300]).save(small, "PNG")
        return small.getvalue()
    if number % 4 == 2:
        return f"upload {number} is no picture".encode() * 100
    return encode_png(np.zeros_like(pixels))
