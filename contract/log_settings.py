"""What every process is told of its logs, and those that answer HTTP of their access logs."""

import dataclasses
import logging

from contract.settings import setting, share


def _log_level(text: str) -> str:
    if text not in logging.getLevelNamesMapping():
        raise ValueError("it must be DEBUG, INFO, WARNING, ERROR or CRITICAL")
    return text


@dataclasses.dataclass(frozen=True, slots=True)
class Logs:
    """Where log lines go: a file, rotated at 10 MB, or stderr; how many of one kind are written in a second."""

    file: str = setting("LOG_FILE", "")
    level: str = setting("LOG_LEVEL", "INFO", _log_level)
    lines_max: int = setting("LOG_LINES_PER_SECOND", 100, int, "lines of one kind")


@dataclasses.dataclass(frozen=True, slots=True)
class AccessLog:
    """The share of answers that have a log line. Those of 500 and more, slow ones and what staff do always have one,
    but for what LOG_LINES_PER_SECOND leaves out.
    """

    ratio: float = setting("ACCESS_LOG_RATIO", 0.001, share)
    slow_ms: int = setting("ACCESS_LOG_SLOW_MS", 1_000, int, "ms")
