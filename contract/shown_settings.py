"""What a process may tell of its settings: each that it reads, as a log may show it."""

import re
from collections.abc import Mapping
from typing import Any

_HOST = r"(?:\[[0-9a-f:.]*\]|[\w.%-]*)(?::\d*)?"
_URL = re.compile(
    r"(?P<scheme>[a-z][a-z0-9+.-]*://)(?:(?P<user>[^:@/?#]*)(?::[^?#]*)?(?P<at>@))?"
    rf"(?P<rest>{_HOST}(?:,{_HOST})*(?:/[^@?#]*)?)(?:[?#][^@]*)?",
    re.IGNORECASE,
)


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
    """Of a URL neither its password nor its parameters, which may hold one; of any other secret nothing.

    A password may hold what ends a host elsewhere (`#`, `?`, `@`): where that isn't certain, nothing is shown.
    """
    if "://" in text and (secret or set(text) & {"@", "?", "#"}):
        parts = _URL.fullmatch(text)
        return f"{parts['scheme']}{parts['user'] or ''}{parts['at'] or ''}{parts['rest']}" if parts else "(secret)"
    return "(secret)" if secret and text else text
