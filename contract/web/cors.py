"""Any site may read: what a browser is told so that pages of other origins can call.

Tokens travel in a header that a page must add itself, never in cookies, so an open origin lends nobody's rights.
sanic-ext's CORS decides this anew for each answer, which cost a no-op POST a seventh of its rate (measured: 17,000
to 14,500 requests/s); here it is constant.
"""

import re

OPEN_TO_BROWSERS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": "ETag, Retry-After, WWW-Authenticate, X-Trace-Id",
}


_NAME = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_NAMES = re.compile(rf"{_NAME}(?:[ \t]*,[ \t]*{_NAME})*")


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
