"""What became of votes, said in the log once a second for each event.

A line for each vote would be 250,000 a second, and would tie a person's request to a choice. The ledger is the record
of each vote, its receipt what the voter holds; the log says how many there were of each outcome, and when.
"""

import asyncio
import logging
from collections import Counter

EVERY_S = 1.0
EVENTS_MAX = 50  # with a line of their own in one second
OTHERS = "others"  # stands for the rest of them, and for ids that name no known event

log = logging.getLogger(__name__)


class VoteLog:
    """Counts outcomes by event; `run` tells them."""

    def __init__(self) -> None:
        self._outcomes: dict[str, Counter[str]] = {}

    def note(self, event_id: object, outcome: str, votes: int = 1) -> None:
        """So many more votes for this event had this outcome: one of the ledger's, or the code of a refusal."""
        event = str(event_id)
        if event not in self._outcomes and len(self._outcomes) >= EVENTS_MAX:
            event = OTHERS
        self._outcomes.setdefault(event, Counter())[outcome] += votes

    async def run(self) -> None:
        """Tell until cancelled, and then what is left."""
        try:
            while True:
                await asyncio.sleep(EVERY_S)
                self.tell()
        finally:
            self.tell()

    def tell(self) -> None:
        """Write a line for each event that had votes since the last call."""
        told, self._outcomes = self._outcomes, {}
        for event_id, outcomes in told.items():
            log.info("votes", extra={"event_id": event_id, "outcomes": dict(outcomes)})
