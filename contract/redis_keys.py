"""Every key and channel in Redis. All of it can be thrown away: fanout writes it again from the ledger,
or command goes without.

{event_id}:tally:source   hash  system, order, payload   one source's tally of one event; no lifetime
applied:source            text  JSON `AppliedPosition`   how far a source is counted; rewritten at least each second
{event_id}:counted:window hash  key, accounts            what rules counted of attempts to vote; lives two windows
road:window               hash  process, JSON `RoadReport`   how each process does; lives three windows of ten seconds
ticket:…                  text  event_id                 opens one stream of a restricted event; lives a minute
{user_id}:streams         sorted set  stream, end of its lease   a user's streams of elections; lives as the last lease
standings                 channel of `SourceTally` or `TracedTally` JSON  each change of a tally, of every event
"""

STANDINGS_CHANNEL = "standings"
ROAD_WINDOW_S = 10
ROAD_LIFETIME_S = 3 * ROAD_WINDOW_S


def tally_key(event_id: str, source: str) -> str:
    """One source's tally of one event; the hash tag keeps an event's keys on one cluster node."""
    return f"{{{event_id}}}:tally:{source}"


def counted_key(event_id: str, window: int) -> str:
    """What all command processes counted of one event in one window of time; only they read it."""
    return f"{{{event_id}}}:counted:{window}"


def ticket_key(ticket: str) -> str:
    """A ticket that was not used yet."""
    return f"ticket:{ticket}"


def user_streams_key(user_id: str) -> str:
    """The streams of elections that a user holds, in whatever process; only sse reads it."""
    return f"{{{user_id}}}:streams"


def applied_key(source: str) -> str:
    """How far fanout has counted a source, and when it last said so."""
    return f"applied:{source}"


def road_key(at: float) -> str:
    """What the processes said of themselves in one window of time, by the Unix time of one of its moments."""
    return f"road:{int(at // ROAD_WINDOW_S)}"
