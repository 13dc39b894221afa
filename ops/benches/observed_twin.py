"""A command process that is observed in another way from each SIGUSR1 on: MODES, in turn. For the http bench."""

import itertools
import signal
import sys
from typing import Any

from sanic import Sanic

from command.__main__ import CommandService
from contract import metering
from contract.tracing import TRACER
from contract.web import answering
from contract.web.service import run_service

NONE, METRICS, TRACED = MODES = ("none", "metrics", "tracing_1pct")


class ObservedTwin(CommandService):
    """The real service; begins with nothing that observes it."""

    def configure(self, app: Sanic[Any, Any]) -> None:
        """Listen for the signal."""
        super().configure(app)
        modes, measure = itertools.cycle(MODES), answering._measure  # noqa: SLF001  # METRICS=off is without this call

        def go_on(*_: object) -> None:
            mode = next(modes)
            metering.measure(on=mode != NONE)
            answering._measure = measure if mode != NONE else lambda *_: None  # noqa: SLF001
            TRACER.on = mode == TRACED

        signal.signal(signal.SIGUSR1, go_on)
        go_on()


if __name__ == "__main__":
    sys.exit(run_service("observed_twin", ObservedTwin))
