"""A reason not to start that the operator can act on: printed as one line, without a traceback."""


class CannotStart(Exception):
    """The message is the whole line; it names what to change."""
