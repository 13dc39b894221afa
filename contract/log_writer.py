"""Writes log lines in a thread of its own, so that whoever logs neither waits nor fails.

    emit ─► pace ─► a bounded queue ─► the thread ─► LOG_FILE, or stderr
             │             └─ full (a pipe that nobody reads): lost   └─ disk full, pipe broken: lost
             └─ too many of one kind: left out, told once a second

Lines that are lost are counted, and that number is what an alert looks at: a log that is silent because its disk is
full can't say so itself. After the trouble lines are written again.
"""

import itertools
import logging
import os
import queue
import threading
import time
from pathlib import Path

from prometheus_client import Counter

from contract import metric_names
from contract.log_pace import Kind, LogPace

WAITING_MAX = 2_000  # lines in the queue
FILE_BYTES_MAX = 10_000_000
OLD_FILES = 3
TELL_EVERY_S = 1.0
CLOSE_WITHIN_S = 1.0  # whatever a hanging pipe does
STDERR = 2

LINES = Counter(metric_names.LOG_LINES, "Log lines written, by level", ["level"])
LOST = Counter(metric_names.LOG_LINES_LOST, "Log lines that could not be written: disk full, pipe broken or not read")


class LogOutput:
    """A file that is rotated, opened when it is needed; without a path stderr."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._fd = -1 if path else STDERR
        self._bytes = 0
        self._torn = False

    def write(self, line: bytes) -> None:
        """Write a whole line, or raise OSError. What was written of one before it, in part, gets its end."""
        if self._path and (self._fd < 0 or self._bytes > FILE_BYTES_MAX):
            self._open(self._path)
        rest = memoryview(b"\n" + line if self._torn else line)
        while rest:
            written = os.write(self._fd, rest)
            self._bytes += written
            rest = rest[written:]
            self._torn = True
        self._torn = False

    def _open(self, path: Path) -> None:
        if self._bytes > FILE_BYTES_MAX:
            names = [path, *(path.with_name(f"{path.name}.{number}") for number in range(1, OLD_FILES + 1))]
            for newer, older in reversed(list(itertools.pairwise(names))):
                if newer.exists():
                    newer.replace(older)
        opened = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        if self._fd >= 0:
            os.close(self._fd)
        self._fd, self._bytes = opened, os.fstat(opened).st_size


class LogWriter(logging.Handler):
    """The handler of a process, which needs a formatter; `start` begins its thread."""

    def __init__(self, output: LogOutput, pace: LogPace) -> None:
        super().__init__()
        self._output = output
        self._pace = pace
        # Not a queue.Queue: an object that logs while it is collected, within a put, would wait for itself.
        self._waiting: queue.SimpleQueue[tuple[str, str] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="log", daemon=True)

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def emit(self, record: logging.LogRecord) -> None:
        """Queue a line, unless there are too many of its kind; never raises."""
        level = record.levelname.lower()
        if not self._pace.lets_pass(Kind(record.name, level, str(record.msg)), record.created):
            return
        try:
            self._put(level, self.format(record))
        except Exception:  # noqa: BLE001  # whatever a field is that has no text
            LOST.inc()

    def close(self) -> None:
        """Write what waits, for a moment; logging calls it when the process ends."""
        self._waiting.put(None)
        if self._thread.is_alive():
            self._thread.join(CLOSE_WITHIN_S)
        super().close()

    def _put(self, level: str, line: str) -> None:
        if self._waiting.qsize() >= WAITING_MAX:
            LOST.inc()
        else:
            self._waiting.put((level, line))

    def _run(self) -> None:
        tell_at = time.monotonic() + TELL_EVERY_S
        while True:
            try:
                line = self._waiting.get(timeout=max(0.0, tell_at - time.monotonic()))
            except queue.Empty:
                self._tell_left_out()
                tell_at = time.monotonic() + TELL_EVERY_S
                continue
            if line is None:
                self._tell_left_out()
                return
            self._write(*line)

    def _tell_left_out(self) -> None:
        self.acquire()
        left_out = self._pace.take_left_out()
        self.release()
        for kind, lines in left_out.items():
            fields = {"name": kind.logger, "levelname": kind.level, "msg": "left out", "of": kind.message}
            self._write(kind.level, self.format(logging.makeLogRecord({**fields, "lines": lines})))

    def _write(self, level: str, line: str) -> None:
        try:
            self._output.write(line.encode(errors="replace") + b"\n")
        except OSError:
            LOST.inc()
        else:
            LINES.labels(level).inc()
