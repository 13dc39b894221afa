"""What the supervisor does with a log that it can't write."""

import builtins
from pathlib import Path
from typing import Any

import pytest
from supervisor.loggers import LevelsByName, LogRecord, RotatingFileHandler

from ops.embedded import supervisord


def test_a_log_is_written_again_once_there_is_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A rotation that finds no room for the new file raises nothing, and what comes later is written and rotated."""
    path = tmp_path / "log"
    monkeypatch.setattr(RotatingFileHandler, "handleError", lambda _: None)
    handler = RotatingFileHandler(str(path), maxBytes=10, backupCount=1)
    handler.setFormat("%(message)s")

    def say(words: str) -> None:
        supervisord._emit_if_possible(handler, LogRecord(LevelsByName.INFO, f"{words}\n"))

    def no_room(*_: Any) -> None:
        raise OSError

    with monkeypatch.context() as patched:
        patched.setattr(builtins, "open", no_room)
        say("before the rotation")
        say("lost")
    say("again")
    assert path.read_text() == "again\n"
    say("until the next")
    assert (tmp_path / "log.1").read_text() == "again\nuntil the next\n"
    handler.close()
