"""Memory of processes while a bench goes on."""

import statistics
import threading
from collections.abc import Sequence
from typing import Self

import psutil


class MemoryWatch:
    """Notes the resident memory of processes together, in MB, every so many seconds during its block."""

    def __init__(self, pids: Sequence[int], every_s: float = 1.0) -> None:
        self._every_s = every_s
        self._processes = [psutil.Process(pid) for pid in pids]
        self._done = threading.Event()
        self.megabytes: list[float] = []
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    @property
    def growth(self) -> float:
        """The last quarter's median ÷ the second quarter's: the first quarter warms up."""
        quarter = max(len(self.megabytes) // 4, 1)
        return statistics.median(self.megabytes[-quarter:]) / statistics.median(self.megabytes[quarter : 2 * quarter])

    def _watch(self) -> None:
        while not self._done.wait(self._every_s):
            self.megabytes.append(sum(process.memory_info().rss for process in self._processes) / 2**20)
