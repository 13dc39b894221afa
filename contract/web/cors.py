"""Whose pages may read: what a browser is told so that pages of other origins can call.

Tokens travel in a header that a page must add itself, never in cookies, so an open origin lends nobody's rights.
sanic-ext's CORS decides this anew for each answer, which cost a no-op POST a seventh of its rate (measured: 17,000
to 14,500 requests/s); here it is looked up.
"""

import re
from collections.abc import Collection, MutableMapping

_EXPOSED = "ETag, Retry-After, WWW-Authenticate, X-Replica-Behind, X-Trace-Id"
_NAME = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_NAMES = re.compile(rf"{_NAME}(?:[ \t]*,[ \t]*{_NAME})*")


class Cors:
    """The pages of these origins may read, or those of any ("*")."""

    def __init__(self, origins: Collection[str]) -> None:
        self._for_any = _allowing("*") if "*" in origins else None
        self._for_origin = {origin: _allowing(origin) for origin in origins}

    def mark(self, origin: str | None, headers: MutableMapping[str, str]) -> None:
        """Put on an answer what a page of this origin has to know; without an origin what caches have to."""
        if self._for_any:
            headers.update(self._for_any)
            return
        headers.update(self._for_origin.get(origin or "", {}))
        # One that is kept for a page is no answer for another's.
        headers["Vary"] = f"{headers['Vary']}, Origin" if "Vary" in headers else "Origin"


def _allowing(origin: str) -> dict[str, str]:
    return {"Access-Control-Allow-Origin": origin, "Access-Control-Expose-Headers": _EXPOSED}


def preflight_headers(methods: str, asked: str) -> dict[str, str]:
    """The answer to a browser that asks what a page may send to a path; `methods` as in Allow.

    A page may send whatever headers it `asked` for: tracing adds its own, polyfills theirs, and a list would always
    miss one. A wildcard would leave out Authorization, and mean nothing to older televisions.
    """
    return {
        "Access-Control-Allow-Methods": methods,
        "Access-Control-Allow-Headers": asked if _NAMES.fullmatch(asked) else "Authorization, Content-Type",
        "Access-Control-Max-Age": "86400",
        "Vary": "Access-Control-Request-Headers",
    }
