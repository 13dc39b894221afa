"""Logs: a message for people, fields for machines, the same field name everywhere.

ops/LOGS.md lists the messages. How they are written, and what happens when they can't be: log_writer.py.
"""

import logging
import re
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from contract import metering
from contract.log_pace import LogPace
from contract.log_settings import Logs
from contract.log_writer import LogOutput, LogWriter
from contract.moment import rfc3339
from contract.road import Trouble
from contract.shown_settings import RememberingEnvironment

log = logging.getLogger(__name__)

LINE_BYTES_MAX = 8_000
CUT_CHARS = 2_000
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
# What Postgres adds to an error, which holds rows: to the end of the text, or of this exception in a traceback.
_ROWS = re.compile(
    r"(?:\n[ |]*|\\n)(?:DETAIL|CONTEXT):.*?"
    r"(?=\n[ |]*\n[ |]*(?:During handling of|The above exception was) |\n[ |]*\+-|\Z)",
    re.DOTALL,
)


class JsonLines(logging.Formatter):
    """One JSON object a line; what is passed as `extra` becomes fields. Of a database's errors without their rows."""

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
        line = {name: _text(value) if isinstance(value, str) else value for name, value in line.items()}
        written = orjson.dumps(line, default=_text, option=orjson.OPT_NON_STR_KEYS)
        if len(written) > LINE_BYTES_MAX:  # the end of a traceback is what matters
            cut = {
                name: value if len(_text(value)) <= CUT_CHARS else _text(value)[-CUT_CHARS:]
                for name, value in line.items()
            }
            written = orjson.dumps(cut, default=_text, option=orjson.OPT_NON_STR_KEYS)
        return written.decode()


def _text(value: object) -> str:
    return _ROWS.sub("", str(value))


class LastTrouble(logging.Handler):
    """Keeps the last warning of this process, None while there was none."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.last: Trouble | None = None

    def emit(self, record: logging.LogRecord) -> None:
        """Keep it; what is in its fields stays in the log."""
        self.last = Trouble(record.getMessage(), rfc3339(datetime.fromtimestamp(record.created, UTC)))


def start_logging(process: str, settings: Logs, *filters: Callable[[logging.LogRecord], bool]) -> None:
    """Write this process' logs from now on, whatever it says by warnings and dying threads included.

    For composition roots. `filters` add what only they know of a line.
    """
    writer = LogWriter(LogOutput(Path(settings.file) if settings.file else None), LogPace(settings.lines_max))
    writer.setFormatter(JsonLines(process))
    for each in filters:
        writer.addFilter(each)
    writer.start()
    logging.basicConfig(level=settings.level, handlers=[writer], force=True)
    logging.captureWarnings(True)  # noqa: FBT003  # its only argument
    threading.excepthook = _log_dead_thread
    # Sanic has a line for each client that leaves, with the address that it asked for and all that stands in it.
    logging.getLogger("sanic.root").setLevel(logging.WARNING)
    logging.getLogger("psycopg.pool").setLevel(logging.WARNING)  # at INFO it has a line for each request


def log_start(env: RememberingEnvironment) -> None:
    """What runs here, with which settings: those that this process has read of its environment."""
    log.info("starting", extra={"version": metering.version(), "settings": env.shown})


def _log_dead_thread(died: threading.ExceptHookArgs) -> None:
    log.error("a thread died", exc_info=died.exc_value, extra={"task": died.thread and died.thread.name})
