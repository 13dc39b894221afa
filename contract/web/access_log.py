"""The access log: a line for some answers, and for each that somebody will ask about.

Failures, late answers and what staff have changed have one always, as far as the pace of logs lets them
(contract/log_pace.py); of all others a share that is drawn by lot. No line says who asked, from where, or for which
path: the trace id leads to what a client reports, and a change of staff's to the audit log.
"""

import logging
import random

from sanic import Request

from contract.log_settings import AccessLog

log = logging.getLogger(__name__)


class AccessLogger:
    """Decides by the settings, and logs."""

    def __init__(self, settings: AccessLog) -> None:
        self._ratio = settings.ratio
        self._late_s = settings.slow_ms / 1000

    def note(self, request: Request, status: int, seconds: float) -> None:
        """An answer begins now, so long after its request came."""
        failed, late = status >= 500, seconds > self._late_s
        drawn = random.random() < self._ratio  # noqa: S311  # a lot, no secret
        if not (failed or late or drawn or _is_staffs_change(request)):
            return
        answered = {"route": route_of(request), "status": status, "ms": round(seconds * 1000, 1)}
        if failed:
            log.info("answered with a failure", extra=answered)
        elif late:
            log.info("answered late", extra=answered)
        else:
            log.info("answered", extra=answered)


def _is_staffs_change(request: Request) -> bool:
    return bool(request.route and getattr(request.route.ctx, "logged", False))


def route_of(request: Request) -> str:
    """The name of the call that answers, none for a path that no call has."""
    return str(request.route.name).rpartition(".")[2] if request.route else "none"  # the app's name stands before it
