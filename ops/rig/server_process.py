"""A real server as tests and benches run it: started, killed and brought back, each time awaited by its own words."""

import collections
import contextlib
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import IO

import psutil

from ops.rig import python_process
from ops.rig.eventually import PATIENCE_S


class ServerProcess:
    """A server that is ready once its output has a line with `ready_text`."""

    def __init__(self, command: Callable[[], list[str]], ready_text: str, env: Mapping[str, str] | None = None) -> None:
        self._command = command
        self._env = env
        self._ready_text = ready_text
        self._lines: collections.deque[str] = collections.deque(maxlen=1000)
        self._said = threading.Condition()
        self._process: subprocess.Popen[str] | python_process.ForkedModule | None = None
        self._reader: threading.Thread | None = None

    @contextlib.contextmanager
    def running(self) -> Iterator["ServerProcess"]:
        """Started, and stopped at the end of the block."""
        try:
            self.start()
            yield self
        finally:
            self.stop()

    def start(self) -> None:
        """Start it and return when it is ready; raises AssertionError with its last words."""
        self._lines.clear()
        self._process = python_process.start(self._command(), self._env)
        assert self._process.stdout
        self._reader = threading.Thread(target=self._read, args=(self._process.stdout,), daemon=True)
        self._reader.start()
        self.wait_for(self._ready_text)

    def wait_for(self, text: str) -> None:
        """Return once a line of its output since the start has this text; raises AssertionError with its last words."""
        with self._said:
            found = self._said.wait_for(lambda: any(text in line for line in self._lines), PATIENCE_S)
        assert found, f"never said {text!r}:\n" + "".join(self._lines)

    def said(self) -> list[str]:
        """The lines of its output since the start, as far as they are kept."""
        with self._said:
            return list(self._lines)

    def kill(self) -> None:
        """As a crash of the machine would: the process and all its children at once, nothing written."""
        assert self._process
        crashed = psutil.Process(self._process.pid)
        for process in [crashed, *crashed.children(recursive=True)]:
            process.kill()
        self.wait()

    def stop(self) -> None:
        """Cleanly, by SIGINT; does nothing if it isn't running."""
        if self._process and self._process.poll() is None:
            self.send_signal(signal.SIGINT)
            self.wait()

    @property
    def pid(self) -> int:
        """The process id of the server."""
        assert self._process
        return self._process.pid

    @property
    def exit_code(self) -> int:
        """How it ended; after `wait`."""
        assert self._process
        assert self._process.returncode is not None
        return self._process.returncode

    def send_signal(self, number: signal.Signals) -> None:
        """Signal the process itself and not its children."""
        assert self._process
        self._process.send_signal(number)

    def wait(self) -> None:
        """Return when it has ended and all its output is read."""
        assert self._process
        assert self._reader
        self._process.wait(PATIENCE_S)
        self._reader.join(PATIENCE_S)

    def _read(self, output: IO[str]) -> None:
        with output:
            for line in output:
                with self._said:
                    self._lines.append(line)
                    self._said.notify_all()
