"""Logs: a message for people, fields for machines, the same field name everywhere."""

import logging
import sys
from datetime import UTC, datetime
from typing import Any

import orjson

from contract.moment import rfc3339
from contract.road import Trouble

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class JsonLines(logging.Formatter):
    """One JSON object a line; what is passed as `extra` becomes fields."""

    def __init__(self, process: str) -> None:
        super().__init__()
        self._process = process

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
        line: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "process": self._process,
            "message": record.getMessage(),
        }
        line.update({key: value for key, value in vars(record).items() if key not in _STANDARD})
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return orjson.dumps(line, default=str).decode()


class LastTrouble(logging.Handler):
    """Keeps the last warning of this process, None while there was none."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.last: Trouble | None = None

    def emit(self, record: logging.LogRecord) -> None:
        """Keep it; what is in its fields stays in the log."""
        self.last = Trouble(record.getMessage(), rfc3339(datetime.fromtimestamp(record.created, UTC)))


def log_to_stderr(process: str, level: str = "INFO") -> None:
    """Send this process' logs to stderr, which the supervisor rotates; for composition roots."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines(process))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    # Sanic has a line for each client that leaves, with the address that it asked for and all that stands in it.
    logging.getLogger("sanic.root").setLevel(logging.WARNING)
    logging.getLogger("psycopg.pool").setLevel(logging.WARNING)  # at INFO it has a line for each request
