"""A command process with one call more: /no-write does all that a vote does, but for the ledger. For the http bench."""

import copy
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sanic import Sanic

from command.__main__ import CommandService
from command.votes.vote_batcher import PendingVote, VoteOutcome
from command.votes.vote_handler import VoteHandler
from contract.vote_id import VoteKind
from contract.web.service import run_service


class InstantLedger:
    """Stands where the batcher stands, and accepts every vote on the spot."""

    def put(self, vote: PendingVote) -> None:
        """Answer it."""
        vote.answer.set_result(VoteOutcome(VoteKind.ACCEPTED, datetime.now(UTC)))


class CommandTwin(CommandService):
    """The real service; its twin call shares everything but the batcher."""

    def __init__(self, env: Mapping[str, str]) -> None:
        super().__init__(env)
        votes = copy.copy(self._votes)
        votes._batcher = InstantLedger()  # type: ignore[assignment]  # noqa: SLF001  # all else stays identical
        self._twin = VoteHandler(self._verifier, votes)

    def configure(self, app: Sanic[Any, Any]) -> None:
        """Route the call."""
        app.add_route(self._twin.submit, "/no-write", methods=["POST"], name="no_write")


if __name__ == "__main__":
    sys.exit(run_service("command_twin", CommandTwin))
