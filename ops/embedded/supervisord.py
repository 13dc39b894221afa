"""supervisord that goes on when the disk of its logs is full, and goes on reading what its programs say.

As it comes it says on stderr what it can't log. Where that is a file on the same disk nobody catches what this raises,
so it dies, and with it the whole stack (tried). And a log that can't be rotated closes the pipe that a program writes
to, until the program waits for ever. Here what can't be written is dropped.

    python -m ops.embedded.supervisord -c CONFIGURATION
"""

import contextlib
import sys
from typing import Any

from supervisor import loggers, supervisord

_emit = loggers.RotatingFileHandler.emit


def _emit_if_possible(handler: Any, record: Any) -> None:
    with contextlib.suppress(OSError, ValueError):
        if handler.stream.closed:  # it was being rotated; its own reopen() asks the closed one for its number
            handler.stream = open(handler.baseFilename, handler.mode)  # noqa: PTH123, SIM115  # as the handler does it
        _emit(handler, record)


def main() -> None:
    """Become supervisord."""
    loggers.Handler.handleError = lambda _handler: None
    loggers.RotatingFileHandler.emit = _emit_if_possible
    supervisord.main(sys.argv[1:])


if __name__ == "__main__":
    main()
