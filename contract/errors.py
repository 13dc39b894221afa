"""What can be refused, and why: one class per code of the contract, with its HTTP status.

A class' docstring is its message when none is given. How an error is written, and by which other code or status a
dialect says it, is up to contract/web/dialect.py.
"""

from typing import ClassVar, NamedTuple

from contract.vote_id import VoteKind


class RefusedReceipt(NamedTuple):
    """What a voter gets for a vote that was refused: its vote_id, and what became of it."""

    vote_id: str
    kind: VoteKind


class ContractError(Exception):
    """something went wrong here"""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "internal"

    def __init__(
        self,
        message: str = "",
        *,
        field: str = "",
        receipt: RefusedReceipt | None = None,
        retry_after_s: int | None = None,
    ) -> None:
        self.message = message or (type(self).__doc__ or "")
        self.field = field
        self.receipt = receipt
        self.retry_after_s = retry_after_s
        super().__init__(self.message)


class InvalidBody(ContractError):
    """the body must be a JSON object"""

    status, code = 400, "invalid_body"


class InvalidField(ContractError):
    """a field has a value that can't be used"""

    status, code = 400, "invalid_field"


class MissingField(ContractError):
    """a required field is missing"""

    status, code = 400, "missing_field"


class ChallengeInvalid(ContractError):
    """the challenge isn't solved by this"""

    status, code = 400, "challenge_invalid"


class CaptchaRequired(ContractError):
    """this vote needs a captcha_token"""

    status, code = 400, "captcha_required"


class CaptchaInvalid(ContractError):
    """captcha_token is no solution, or one for something else"""

    status, code = 400, "captcha_invalid"


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


class Refused(ContractError):
    """this vote looks like a machine's"""

    status, code = 403, "refused"


class ResultsHidden(ContractError):
    """the results of this event are not shown to you now"""

    status, code = 403, "results_hidden"


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


class NeedsConfirmation(ContractError):
    """another host or admin has to ask for this first"""

    status, code = 409, "needs_confirmation"


class Taken(ContractError):
    """username or email is taken"""

    status, code = 409, "taken"


class TooLarge(ContractError):
    """the body is larger than this call takes"""

    status, code = 413, "too_large"


class NotJson(ContractError):
    """Content-Type must be application/json"""

    status, code = 415, "not_json"


class TooMany(ContractError):
    """too many requests, slow down"""

    status, code = 429, "too_many"


class HeadersTooLarge(ContractError):
    """the request line and its headers are larger than 16 KiB"""

    status, code = 431, "headers_too_large"


class Busy(ContractError):
    """too busy right now, repeat the request as it is"""

    status, code = 503, "busy"


class NotDurable(ContractError):
    """can't be made durable right now, repeat the request as it is"""

    status, code = 503, "not_durable"
