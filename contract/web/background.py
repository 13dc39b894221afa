"""The background work of a process: started, watched and cancelled in one place.

Work is meant to go on until it is cancelled. What ends by itself, for a reason that it didn't foresee, would leave the
process half alive: so it ends the whole process, which drains as on SIGTERM, and the supervisor starts it again.
"""

import asyncio
import logging
import os
import signal
from collections.abc import Coroutine, Iterable
from typing import Any

CANCEL_AGAIN_S = 0.5

log = logging.getLogger(__name__)

Work = Coroutine[Any, Any, None]


class Background:
    """Tasks of one event loop; `died` once one of them has ended by itself."""

    def __init__(self) -> None:
        self.died = False
        self._tasks: list[asyncio.Task[None]] = []

    def start(self, work: Iterable[Work]) -> None:
        """Start each as a task."""
        for each in work:
            task = asyncio.create_task(each)
            task.add_done_callback(self._note_end)
            self._tasks.append(task)

    async def stop(self) -> None:
        """Cancel all and wait until they have ended."""
        for task in self._tasks:
            task.remove_done_callback(self._note_end)
        going = set(self._tasks)
        while going:
            for task in going:
                task.cancel()
            # Again and again, since a library may lose a cancellation: Python 3.11's wait_for does when what it waits
            # for is done at that moment, and a process then never ended (seen).
            _, going = await asyncio.wait(going, timeout=CANCEL_AGAIN_S)

    def _note_end(self, task: asyncio.Task[None]) -> None:
        if task.cancelled() or self.died:
            return
        self.died = True
        extra = {"task": task.get_coro().__qualname__}  # type: ignore[union-attr]  # each was made from a coroutine
        log.critical("background work has ended, so this process ends", exc_info=task.exception(), extra=extra)
        os.kill(os.getpid(), signal.SIGTERM)
