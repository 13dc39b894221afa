"""The errors of the HTTP contract: one class per code, one envelope, made here and nowhere else.

A class' docstring is its message when none is given. Nothing here knows a web framework.
"""

from collections.abc import Mapping
from typing import Any, ClassVar


class ContractError(Exception):
    """something went wrong here"""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "internal"

    def __init__(
        self,
        message: str = "",
        *,
        field: str = "",
        receipt: Mapping[str, str] | None = None,
        retry_after_s: int | None = None,
    ) -> None:
        self.message = message or (type(self).__doc__ or "")
        self.field = field
        self.receipt = dict(receipt or {})
        self.retry_after_s = retry_after_s
        super().__init__(self.message)

    def body(self, trace_id: str) -> dict[str, Any]:
        """The answer's JSON: the `error` object, and beside it the receipt of a refused vote."""
        error = {"code": self.code, "message": self.message, "trace_id": trace_id}
        if self.field:
            error["field"] = self.field
        return {"error": error, **self.receipt}

    def headers(self) -> dict[str, str]:
        """Headers that belong to the status: Retry-After and WWW-Authenticate."""
        headers = {}
        if self.status in (429, 503):
            headers["Retry-After"] = str(self.retry_after_s or 1)
        if self.status == 401:
            headers["WWW-Authenticate"] = 'Bearer realm="vote"'
        return headers


class InvalidBody(ContractError):
    """the body must be a JSON object"""

    status, code = 400, "invalid_body"


class InvalidField(ContractError):
    """a field has a value that can't be used"""

    status, code = 400, "invalid_field"


class MissingField(ContractError):
    """a required field is missing"""

    status, code = 400, "missing_field"


class Unauthorized(ContractError):
    """a valid Bearer token is required"""

    status, code = 401, "unauthorized"


class BadCredentials(ContractError):
    """username or password is wrong"""

    status, code = 401, "bad_credentials"


class Forbidden(ContractError):
    """your role does not allow this"""

    status, code = 403, "forbidden"


class NotYours(ContractError):
    """user_id is not the token's"""

    status, code = 403, "not_yours"


class ResultsHidden(ContractError):
    """the results of this event are not shown to you now"""

    status, code = 403, "results_hidden"

    def headers(self) -> dict[str, str]:
        """A crowd that waits for results may be told so by a cache; who has a token asks for itself."""
        return {"Cache-Control": "public, max-age=1", "Vary": "Authorization"}


class NotFound(ContractError):
    """no such thing"""

    status, code = 404, "not_found"


class MethodNotAllowed(ContractError):
    """this path does not take that method"""

    status, code = 405, "method_not_allowed"


class AlreadyVoted(ContractError):
    """this voter has voted for another contestant"""

    status, code = 409, "already_voted"


class EventNotOpen(ContractError):
    """the event does not take votes now"""

    status, code = 409, "event_not_open"


class WrongState(ContractError):
    """the event's status does not allow this"""

    status, code = 409, "wrong_state"


class Taken(ContractError):
    """username or email is taken"""

    status, code = 409, "taken"


class TooLarge(ContractError):
    """the body is larger than 16 KiB"""

    status, code = 413, "too_large"


class NotJson(ContractError):
    """Content-Type must be application/json"""

    status, code = 415, "not_json"


class TooMany(ContractError):
    """too many requests, slow down"""

    status, code = 429, "too_many"


class Busy(ContractError):
    """too busy right now, repeat the request as it is"""

    status, code = 503, "busy"


class NotDurable(ContractError):
    """can't be made durable right now, repeat the request as it is"""

    status, code = 503, "not_durable"
