"""Writes log lines in a thread of its own, so that whoever logs neither waits nor fails.

    emit ─► pace ─► a bounded queue ─► the thread ─► LOG_FILE, or stderr
             │             └─ full (a pipe that nobody reads): lost   └─ disk full, pipe broken: lost
             └─ too many of one kind: left out, told once a second

Lines that are lost are counted, and that number is what an alert looks at: a log that is silent because its disk is
full can't say so itself. After the trouble lines are written again.
"""

import contextlib
import itertools
import logging
import os
import queue
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from prometheus_client import Counter

from contract import metric_names
from contract.log_pace import Kind, LogPace

WAITING_MAX = 2_000  # lines in the queue
FILE_BYTES_MAX = 10_000_000
OLD_FILES = 3
TELL_EVERY_S = 1.0
CLOSE_WITHIN_S = 1.0  # whatever a hanging pipe does
LOCK_WITHIN_S = 0.1
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
        if self._path and self._fd < 0:
            self._begin(_opened(self._path))
        elif self._path and self._bytes > FILE_BYTES_MAX:
            with contextlib.suppress(OSError):  # no inode, no right: it grows, and each line tries again
                self._rotate(self._path)
        rest = memoryview(b"\n" + line if self._torn else line)
        while rest:
            written = os.write(self._fd, rest)
            self._bytes += written
            rest = rest[written:]
            self._torn = True
        self._torn = False

    def _rotate(self, path: Path) -> None:
        """Begin a new file, and only once it is there give the old ones their new names."""
        if path.exists() and not path.is_file():
            return  # a device
        fresh = path.with_name(f"{path.name}.new")
        opened = _opened(fresh)
        try:
            names = [path, *(path.with_name(f"{path.name}.{number}") for number in range(1, OLD_FILES + 1))]
            for newer, older in reversed(list(itertools.pairwise(names))):
                if newer.exists():
                    newer.replace(older)
            fresh.replace(path)
        except OSError:
            os.close(opened)
            raise
        os.close(self._fd)
        self._begin(opened)

    def _begin(self, fd: int) -> None:
        self._fd, self._bytes = fd, os.fstat(fd).st_size


def _opened(path: Path) -> int:
    return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)


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
        """Write what waits, for a moment; logging calls it when the process ends, and holds the lock meanwhile."""
        self.acquire()
        left_out = self._pace.take_left_out()
        self.release()
        for line in self._told(left_out):
            self._waiting.put(line)
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
                return
            self._write(*line)

    def _tell_left_out(self) -> None:
        assert self.lock
        if not self.lock.acquire(timeout=LOCK_WITHIN_S):  # the process ends, or much is logged: the next time, then
            return
        left_out = self._pace.take_left_out()
        self.lock.release()
        for line in self._told(left_out):
            self._write(*line)

    def _told(self, left_out: Mapping[Kind, int]) -> Iterator[tuple[str, str]]:
        for kind, lines in left_out.items():
            fields = {"name": kind.logger, "levelname": kind.level, "msg": "left out", "of": kind.message}
            yield kind.level, self.format(logging.makeLogRecord({**fields, "lines": lines}))

    def _write(self, level: str, line: str) -> None:
        try:
            self._output.write(line.encode(errors="replace") + b"\n")
        except OSError:
            LOST.inc()
        else:
            LINES.labels(level).inc()
