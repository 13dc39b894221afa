"""What a process may tell of its settings: each that it reads, as a log may show it."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit, urlunsplit


class RememberingEnvironment(dict[str, str]):
    """An environment that keeps in `shown` what was read of it, by variable, defaults included and secrets not."""

    def __init__(self, env: Mapping[str, str]) -> None:
        super().__init__(env)
        self.shown: dict[str, str] = {}

    def note(self, variable: str, given: str, default: Any, *, secret: bool) -> None:
        """A variable was read: `given` is its text, never what the file that it names holds; "": the default holds."""
        written = ", ".join(default) if isinstance(default, tuple) else str(default)
        self.shown[variable] = without_secrets(given or written, secret=secret)


def without_secrets(text: str, *, secret: bool) -> str:
    """Of a URL neither its password nor its parameters, which may hold one; of any other secret nothing."""
    if "://" in text and (secret or set(text) & {"@", "?"}):
        parts = urlsplit(text)
        user, at, host = parts.netloc.rpartition("@")
        return urlunsplit((parts.scheme, f"{user.partition(':')[0]}{at}{host}", parts.path, "", ""))
    return "(secret)" if secret and text else text
