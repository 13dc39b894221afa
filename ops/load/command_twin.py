"""A command process with one call more: /no-write does all that a vote does, but for the ledger. For the http bench."""

import copy
import os
import sys
from datetime import UTC, datetime

from command.__main__ import CommandService, make_app
from command.votes.vote_batcher import PendingVote, VoteOutcome
from contract.telemetry import log_to_stderr
from contract.vote_id import VoteKind
from contract.web.service import serve


class InstantLedger:
    """Stands where the batcher stands, and accepts every vote on the spot."""

    def put(self, vote: PendingVote) -> None:
        """Answer it."""
        vote.answer.set_result(VoteOutcome(VoteKind.ACCEPTED, datetime.now(UTC)))


def main() -> int:
    """Serve until SIGTERM."""
    log_to_stderr("command_twin")
    service = CommandService(dict(os.environ))
    twin = copy.copy(service.votes)
    twin._batcher = InstantLedger()  # type: ignore[assignment]  # noqa: SLF001  # all else stays identical
    app = make_app(service)
    app.add_route(twin.submit, "/no-write", methods=["POST"], name="no_write")
    serve(app, service.listening.host, service.listening.port)
    return 0


if __name__ == "__main__":
    sys.exit(main())
