"""What each call is, said once, beside the handler method that answers it: routes, documentation and tests follow.

    @call("POST", "/v1/vote/submit", name="vote_submit", body=VoteRequest, answers={200: VoteAck}, refusals=[NotYours])
    async def submit(self, request: Request) -> HTTPResponse:
        "Cast a vote: 200 means that it is durable."

The declaration is data on the function: it wraps nothing, so it costs a request nothing. The docstring's first line is
the summary in the documentation. Left out, since it follows from the rest: 401 and 503 of a call that needs a Bearer,
403 of one that needs a role, 400, 413 and 415 of one with a body, 400 of a UUID in the path. A GET answers HEAD, too.
Struct docstrings become the schemas' descriptions, `msgspec.Meta` their limits.
After a change of any declaration: `python -m ops.openapi`, and commit contract/openapi.json with it.
"""

import enum
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec
from sanic import Sanic

from contract.errors import ContractError

BODY_BYTES_MAX = 16 * 1024
LARGE_BODY_BYTES_MAX = 1024 * 1024  # of staff's calls that carry a whole event; read only once it is known who calls

Handler = TypeVar("Handler", bound=Callable[..., Any])
Answer = type[msgspec.Struct] | str | None

_MARK = "_declared_call"


class Access(enum.Enum):
    """Who may call: the value is the sentence in the documentation."""

    PUBLIC = "public"
    OPTIONAL = "public; a person's access token shows more where results are restricted"
    VOTER = "public; a vote's needs a person's access token"
    PERSON = "a person's access token"
    STAFF = "an access token of a host or admin"
    ADMIN = "an access token of an admin"
    AUDIT = "an access token of an admin or auditor"
    OVERSIGHT = "an access token of a host, admin or auditor"
    CLIENT = "an application's client token, or the token of a solved challenge"


BY_STAFF = (Access.STAFF, Access.ADMIN, Access.AUDIT, Access.OVERSIGHT)


@dataclass(frozen=True, slots=True)
class Call:
    """One call of the contract. An answer is a Struct (JSON), a media type (anything else) or None (no body)."""

    method: str
    path: str  # with {parameters}
    name: str
    summary: str
    answers: Mapping[int, Answer]
    access: Access
    body: type[msgspec.Struct] | None
    refusals: Sequence[type[ContractError]]
    query: Mapping[str, Any]
    body_bytes_max: int


def call(  # noqa: PLR0913  # a declaration says all that a call is, by keywords
    method: str,
    path: str,
    *,
    name: str,
    answers: Mapping[int, Answer],
    access: Access = Access.PERSON,
    body: type[msgspec.Struct] | None = None,
    refusals: Sequence[type[ContractError]] = (),
    query: Mapping[str, Any] | None = None,
    body_bytes_max: int = BODY_BYTES_MAX,
) -> Callable[[Handler], Handler]:
    """Declare the call that a method answers; gives the same function back."""

    def mark(handler: Handler) -> Handler:
        summary = (handler.__doc__ or "").partition("\n")[0].removesuffix(".")
        declared = Call(method, path, name, summary, answers, access, body, refusals, query or {}, body_bytes_max)
        setattr(handler, _MARK, declared)
        if body_bytes_max > BODY_BYTES_MAX:
            handler.is_stream = True  # type: ignore[attr-defined]  # Sanic's word: the handler reads the body itself
        return handler

    return mark


def calls_of(handlers: type) -> Iterator[tuple[Call, str]]:
    """The calls that a class of handlers declares, each with the name of its method."""
    for attribute, method in vars(handlers).items():
        declared = getattr(method, _MARK, None)
        if isinstance(declared, Call):
            yield declared, attribute


def snake_case(name: str) -> str:
    """A name of any dialect as handlers have it for their argument."""
    return re.sub(r"[A-Z]", lambda letter: f"_{letter[0].lower()}", name)


def add_routes(app: Sanic[Any, Any], *handlers: object) -> None:
    """Route each call that these objects' classes declare to its method."""
    for each in handlers:
        for declared, attribute in calls_of(type(each)):
            path = re.sub(r"{(\w+)}", lambda name: f"<{snake_case(name[1])}>", declared.path)
            methods = ["GET", "HEAD"] if declared.method == "GET" else [declared.method]
            context: dict[str, Any] = {
                "ctx_body_bytes_max": declared.body_bytes_max,
                "ctx_logged": declared.method != "GET" and declared.access in BY_STAFF,
            }
            app.add_route(getattr(each, attribute), path, methods=methods, name=declared.name, **context)
