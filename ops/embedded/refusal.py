"""A reason not to start that the operator can act on: printed as one line, without a traceback."""


class CannotStart(Exception):  # noqa: N818 - it reads as what it says
    """The message is the whole line; it names what to change."""
