"""Votes as whole HTTP requests, made before a load begins."""

import json
from collections.abc import Iterator, Sequence

from ops.rig.event import Event
from ops.rig.people import Voter
from ops.rig.votes import vote_of

SUBMIT = "/v1/vote/submit"


def vote_requests(event: Event, voters: Sequence[Voter], path: str = SUBMIT) -> Iterator[bytes]:
    """One whole request for each voter, in their order."""
    for number, voter in enumerate(voters):
        vote = vote_of(voter, event, number % len(event.contestants))
        meta = {"device_id": "bench", "app_version": "1.0"}
        body = json.dumps({**vote, "client_timestamp": "2026-01-01T00:00:00Z", "meta": meta})
        yield (
            f"POST {path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {voter.token}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}"
        ).encode()
