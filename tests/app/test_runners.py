"""Tasks that empty a queue end when they are told to."""

import asyncio

from app.runners import Runners


class Idle(Runners[int]):
    """Nothing is ever due."""

    def take(self) -> int | None:
        return None

    async def work(self, piece: int) -> None:
        raise AssertionError(f"{piece} came from nowhere")


def test_a_call_to_work_in_the_moment_of_the_stop_does_not_keep_them() -> None:
    async def wake_and_stop() -> None:
        idle = Idle(3, look_every_s=60)
        idle.start()
        while not idle._awake._waiters:  # type: ignore[attr-defined] # all asleep
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)
        idle._awake.set()
        async with asyncio.timeout(10):
            await idle.stop()

    asyncio.run(wake_and_stop())
