"""GET /v1/event/{event_id}/rules, as /v1 says it; rule_report adds it up."""

import msgspec
from sanic import HTTPResponse, Request

from command.votes.rules.rule_report import RuleReport
from contract.answer_text import Id, Time
from contract.errors import Forbidden, NotFound
from contract.web.answering import answer
from contract.web.call import Access, call
from contract.web.request_content import uuid_of
from contract.web.token_verifier import TokenVerifier


class RuleHit(msgspec.Struct):
    """A vote that met the rule."""

    at: Time
    contestant_id: Id | None


class FraudRule(msgspec.Struct):
    """A rule and what it did; `rate`: the share of judged votes that met it; `why`: null if it isn't in force now."""

    name: str
    version: int
    action: str
    why: str | None
    hits: int
    rate: float
    last_hits: list[RuleHit]


class EventRules(msgspec.Struct):
    """The fraud rules; empty while they are switched off."""

    event_id: Id
    votes_judged: int
    rules: list[FraudRule]


class RulesHandler:
    """Turns reports into answers; without one the rules are off."""

    def __init__(self, verifier: TokenVerifier, report: RuleReport | None) -> None:
        self._verifier = verifier
        self._report = report

    @call(
        "GET",
        "/v1/event/{event_id}/rules",
        name="event_rules",
        access=Access.ADMIN,
        answers={200: EventRules},
        refusals=[NotFound],
    )
    async def rules(self, request: Request, event_id: str) -> HTTPResponse:
        """The fraud rules, and what they did in an event."""
        if "admin" not in self._verifier.caller(request).roles:
            raise Forbidden
        event = uuid_of(event_id, "event_id")
        votes, reported = await self._report.of(event) if self._report else (0, ())
        rules = [
            FraudRule(
                each.hits.name,
                each.hits.version,
                each.hits.action,
                each.why,
                each.hits.hits,
                round(each.hits.hits / votes, 4) if votes else 0.0,
                [RuleHit(hit.at, hit.contestant_id) for hit in each.hits.last],
            )
            for each in reported
        ]
        return answer(EventRules(str(event), votes, rules))
