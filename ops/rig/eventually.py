"""Waiting for a state that sends no signal: looked at again and again, never for ever."""

import threading
import time
from collections.abc import Callable

PATIENCE_S = 120  # far longer than anything takes on a crowded machine: only what never comes takes so long


def eventually(
    condition: Callable[[], bool], what: str, *, within_s: float = PATIENCE_S, every_s: float = 0.02
) -> None:
    """Return once it holds; raises AssertionError when it doesn't in time."""
    deadline, pause = time.monotonic() + within_s, threading.Event()
    while not condition():
        assert time.monotonic() < deadline, f"never: {what}"
        pause.wait(every_s)
