"""The analyser's side: orders and cells over REST, with the retries that a careful sender makes."""

import asyncio
import secrets
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import count, cycle
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import httpx2

from app.errors import BadRequest
from app.inference.upload import encode_png
from models.drawn_cells import draw_cell

CELLS_AT_ONCE: Final = 8
TRIES: Final = 6
LONGEST_WAIT_S: Final = 30.0
NONE: Final[Mapping[str, str]] = MappingProxyType({})
_SUFFIXES: Final = {".bmp", ".png", ".tif", ".tiff", ".webp", ".jpg", ".jpeg"}

Picture = Callable[[], bytes]


@dataclass(frozen=True)
class Order:
    """One order of a lab, with the pictures its analyser took."""

    accession: str
    pictures: Sequence[Picture]

    @property
    def identifiers(self) -> dict[str, str]:
        """Made up, and opaque as real ones must be."""
        return {
            "placer_order": f"{self.accession}-P",
            "specimen_id": f"{self.accession}-S",
            "subject_ref": f"{self.accession}-R",
        }


class OrderFailed(Exception):
    """The server did not take an order, or a part of it."""


def make_orders(cases: int, cells: int, folder: Path | None) -> list[Order]:
    """As many orders with as many cells each, under a prefix of this run.

    Args:
        folder: where pictures lie; they are dealt out in the order of their names, again from the start when they
            run out. None: drawn cells, each another one.

    Raises:
        BadRequest: the folder holds no picture.
    """
    run = f"SIM-{secrets.token_hex(3).upper()}"
    pictures = _drawn() if folder is None else _from_folder(folder)
    return [
        Order(f"{run}-{number:04}", [next(pictures) for _ in range(cells)]) for number in range(1, cases + 1)
    ]


def _drawn() -> Iterator[Picture]:
    return (partial(_draw, seed) for seed in count())


def _draw(seed: int) -> bytes:
    return encode_png(draw_cell(seed))


def _from_folder(folder: Path) -> Iterator[Picture]:
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in _SUFFIXES)
    if not files:
        raise BadRequest(f"Expected pictures ({', '.join(sorted(_SUFFIXES))}) below {folder}, found none.")
    return (file.read_bytes for file in cycle(files))


class Analyser:
    """Sends orders. A request that got no answer, or was asked to wait, is sent again with the same Idempotency-Key.

    Args:
        http: a client with the server's address and the key of this system.
    """

    def __init__(self, http: httpx2.AsyncClient) -> None:
        self._http = http

    async def send(self, order: Order) -> None:
        """Open the case, name its order and specimen, send its cells.

        Raises:
            OrderFailed: a request was refused, or a cell of it.
        """
        case = await self._ask("POST", "/api/v1/cases", json={"accession": order.accession})
        address, seen = f"/api/v1/cases/{case['id']}", {"If-Match": str(case["version"])}
        await self._ask("PATCH", address, headers=seen, json=order.identifiers)
        for start in range(0, len(order.pictures), CELLS_AT_ONCE):
            batch = order.pictures[start : start + CELLS_AT_ONCE]
            files = await asyncio.to_thread(_as_files, batch)
            taken = await self._ask("POST", f"{address}/cells", files=files)
            refused = [cell["error"]["detail"] for cell in taken["cells"] if cell["error"]]
            if refused:
                raise OrderFailed(f"{order.accession}: {len(refused)} cells were refused: {refused[0]}")

    async def _ask(self, method: str, path: str, *, headers: Mapping[str, str] = NONE, **body: Any) -> Any:
        sent = {"Idempotency-Key": str(uuid.uuid4()), **headers}
        problem = ""
        for tried in range(TRIES):
            wait_s = float(2**tried)
            try:
                answer = await self._http.request(method, path, headers=sent, **body)
            except httpx2.TransportError as broken:
                problem = f"{type(broken).__name__}: {broken}"
            else:
                if answer.is_success:
                    return answer.json()
                problem = f"{answer.status_code} {answer.json().get('detail', '')}"
                if "Retry-After" not in answer.headers:
                    break
                wait_s = float(answer.headers["Retry-After"])
            await asyncio.sleep(min(wait_s, LONGEST_WAIT_S))
        raise OrderFailed(f"{path}: {problem}")


def _as_files(pictures: Sequence[Picture]) -> list[tuple[str, tuple[str, bytes]]]:
    """Form parts; the server decides by content what a picture is."""
    return [("images", (f"{number}.png", picture())) for number, picture in enumerate(pictures)]
