"""One run: listen, send every order, wait for the results that people sign meanwhile."""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import httpx2

from app.lab_simulator.mailbox import Arrival, Mailbox, mllp_listener, webhook_receiver
from app.lab_simulator.orders import Analyser, Order, OrderFailed, make_orders


@dataclass(frozen=True)
class Simulation:
    """What a lab does in one run. Ports of 0 are not listened on; at_once: orders that are sent side by side."""

    url: str
    key: str
    cases: int
    cells: int
    folder: Path | None
    at_once: int
    mllp_port: int
    webhook_port: int
    webhook_secret: str
    wait_s: float

    @property
    def ways(self) -> set[str]:
        """In which results come back."""
        ports = {"mllp": self.mllp_port, "webhook": self.webhook_port}
        return {way for way, port in ports.items() if port}


async def simulate(lab: Simulation, tell: Callable[[str], None]) -> bool:
    """Whether every order was taken and every result came back in every way that is listened on."""

    def tell_arrival(arrival: Arrival) -> None:
        again = ", which came before" if arrival.repeated else ""
        tell(f"{arrival.accession}: {arrival.status} by {arrival.way}, message {arrival.message_id}{again}")

    mailbox = Mailbox(tell_arrival)
    async with contextlib.AsyncExitStack() as stack:
        if lab.mllp_port:
            await stack.enter_async_context(mllp_listener(mailbox, lab.mllp_port))
        if lab.webhook_port:
            await stack.enter_async_context(webhook_receiver(mailbox, lab.webhook_port, lab.webhook_secret))
        orders = make_orders(lab.cases, lab.cells, lab.folder)
        taken = await _send_all(lab, orders, tell)
        missing = await mailbox.wait_for({order.accession for order in taken}, lab.ways, lab.wait_s)
    for way, accession in sorted(missing):
        tell(f"{accession}: nothing by {way}")
    return len(taken) == len(orders) and not missing


async def _send_all(lab: Simulation, orders: list[Order], tell: Callable[[str], None]) -> list[Order]:
    """The orders that were taken whole."""
    places = asyncio.Semaphore(lab.at_once)
    headers = {"Authorization": f"Bearer {lab.key}"}

    async with httpx2.AsyncClient(base_url=lab.url, headers=headers, trust_env=False, timeout=60) as http:
        analyser = Analyser(http)

        async def send(order: Order) -> bool:
            async with places:
                try:
                    await analyser.send(order)
                except OrderFailed as failure:
                    tell(f"{order.accession}: not taken. {failure}")
                    return False
            tell(f"{order.accession}: sent with {len(order.pictures)} cells")
            return True

        done = await asyncio.gather(*(send(order) for order in orders))
    return [order for order, taken in zip(orders, done, strict=True) if taken]
