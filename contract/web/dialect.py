"""The dialects of the contract: each path prefix has a shape of errors, made here and nowhere else.

A dialect only translates. What is refused, and why, is decided by use cases, which raise what contract/errors.py has.
"""

from collections.abc import Callable
from typing import NamedTuple

import msgspec

from contract import elections
from contract.errors import ContractError


class ErrorDetails(msgspec.Struct, omit_defaults=True):
    """Why a request was refused; `field` names the culprit if there is one."""

    code: str
    message: str
    trace_id: str
    field: str = ""


class Refusal(msgspec.Struct, omit_defaults=True):
    """The one shape of errors; a refused vote adds its receipt."""

    error: ErrorDetails
    vote_id: str = ""
    vote_status: str = ""


def refusal(error: ContractError, trace_id: str) -> Refusal:
    """An error as /v1 writes it."""
    details = ErrorDetails(error.code, error.message, trace_id, error.field)
    if error.receipt is None:
        return Refusal(details)
    return Refusal(details, error.receipt.vote_id, error.receipt.kind.vote_status)


def said_of(error: ContractError | type[ContractError]) -> tuple[int, str]:
    """The HTTP status and the code of an error."""
    return error.status, error.code


class Dialect(NamedTuple):
    """How errors of all paths under `prefix` are written: their shape, what puts an error into it, status and code."""

    prefix: str
    shape: type[msgspec.Struct]
    refusal: Callable[[ContractError, str], msgspec.Struct]
    said_of: Callable[[ContractError | type[ContractError]], tuple[int, str]]


DIALECTS = (  # the first whose prefix fits; what never became a request has no path
    Dialect(elections.PREFIX, elections.ElectionError, elections.election_error, elections.said_of),
    Dialect("", Refusal, refusal, said_of),
)


def dialect_of(path: str) -> Dialect:
    """The dialect that a path, known or not, is answered in."""
    return next(each for each in DIALECTS if path.startswith(each.prefix))
