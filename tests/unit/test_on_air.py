"""Who is shown which numbers, over all that can be said of an event and of what is known of its counts."""

import itertools
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.standings import Freeze, OnAir, SourceTally
from contract.tracing import SpanContext
from query.event import Contestant, Event
from query.on_air import Audience, Sight, see, sight_of
from query.reading import Reading, follow, from_checkpoint, from_redis
from query.reads import result_views
from query.streams.election_messages import ElectionTeller
from query.streams.sse_feed import SseFeed
from query.streams.stream_frames import standings_frame
from query.streams.traced_push import PER_FRAME_MAX, PUBLIC_FROM_VOTES, HeardTrace, TracedPush

CONTESTANTS = 4
STATUSES = ("draft", "scheduled", "open", "paused", "closed", "cancelled")
VISIBILITIES = ("public", "after_close", "staff")
AS_OF, FROZEN_AT = "2026-01-01T20:15:00.000000Z", "2026-01-01T20:14:05.000000Z"
COUNTS, AT_FREEZE = {1: 700, 2: 90, 3: 90, 4: 11}, {1: 40, 2: 30, 3: 20}
ALL_STATES = [
    OnAir(1, *state)
    for state in itertools.product(STATUSES, VISIBILITIES, (False, True), (None, *range(1, CONTESTANTS + 1)))
]


def event_of(on_air: OnAir) -> Event:
    """An event whose row says this."""
    contestants = tuple(Contestant(no, f"id-{no}", f"C{no}", "", "", None) for no in range(1, CONTESTANTS + 1))
    return Event(
        event_id="e",
        event_name="Final",
        event_description=None,
        status=on_air.status,
        opens_at=None,
        closes_at=None,
        results_visibility=on_air.visibility,
        captcha=False,
        assurance_min="password",
        rehearsal=False,
        event_no=1,
        key_no=1,
        change_no=on_air.change_no,
        frozen=on_air.frozen,
        revealed=on_air.revealed,
        two_person=False,
        short_code="ABCDEF",
        contestants=contestants,
    )


def tally_of(on_air: OnAir, source: str = "main", **fields: object) -> SourceTally:
    """What fanout says of such an event: 700, 90, 90 and 11 votes; at the freeze 40, 30 and 20."""
    freeze = Freeze(50, FROZEN_AT, AT_FREEZE) if on_air.frozen else None
    plain = {"epoch": 1, "lsn": 100, "as_of": AS_OF, "counts": COUNTS, "freeze": freeze}
    return SourceTally(event_id="e", source=source, **{**plain, **on_air._asdict(), **fields})


def read(*tallies: SourceTally, sources: tuple[str, ...] = ("main",)) -> Reading:
    """A reading of Redis."""
    made = from_redis(tallies, sources, fresh=True)
    assert made
    return made


def numbers(on_air: OnAir, audience: Audience = Audience.PUBLIC) -> dict[int, int] | None:
    """By contestant what an audience sees when row and tally agree."""
    shown = see(event_of(on_air), read(tally_of(on_air)), audience)
    return {each.contestant_no: votes for each, votes in shown.rows} if shown else None


def expected(on_air: OnAir) -> dict[int, int] | None:
    """What the public may see, said once more in other words."""
    shown_to_all = on_air.visibility == "public" or (on_air.visibility, on_air.status) == ("after_close", "closed")
    if on_air.status == "draft":
        return None
    if on_air.status == "closed" and on_air.revealed and (on_air.frozen or not shown_to_all):
        from_last_up = [4, 3, 2, 1][: on_air.revealed]  # of equals the host's later one is the lower
        return {no: COUNTS[no] for no in sorted(from_last_up)}
    if not shown_to_all:
        return None
    return {no: (AT_FREEZE if on_air.frozen else COUNTS).get(no, 0) for no in COUNTS}


@pytest.mark.parametrize("on_air", ALL_STATES, ids=lambda on_air: "-".join(map(str, on_air[1:])))
def test_public_sees_what_it_may_and_staff_all(on_air: OnAir) -> None:
    """In every state of an event."""
    assert numbers(on_air) == expected(on_air)
    assert numbers(on_air, Audience.STAFF) == COUNTS


@given(st.sampled_from(ALL_STATES), st.sampled_from(ALL_STATES))
def test_whoever_knows_of_the_later_change_decides(earlier: OnAir, later: OnAir) -> None:
    """An old row beside a new tally shows what the tally allows; an old tally beside a new row, what the row does."""
    earlier, later = earlier._replace(change_no=1), later._replace(change_no=2)
    by_tally = see(event_of(earlier), read(tally_of(later)), Audience.PUBLIC)
    assert (by_tally and {each.contestant_no: votes for each, votes in by_tally.rows}) == expected(later)
    by_row = see(event_of(later), read(tally_of(earlier)), Audience.PUBLIC)
    if expected(later) is None:
        assert by_row is None
    if by_row and sight_of(later, CONTESTANTS) is Sight.FREEZE and not earlier.frozen:
        assert by_row.rows == see(event_of(later), read(tally_of(earlier)), Audience.STAFF).rows  # type: ignore[union-attr]  # staff always see
        assert by_row.frozen  # counted before the freeze


def test_a_lost_freeze_shows_nothing_rather_than_newer_numbers() -> None:
    """Counted after a freeze whose counts nobody knows, in one of two sources or in the only one."""
    frozen = OnAir(3, "open", "public", frozen=True)
    lost = tally_of(frozen, freeze=None)
    assert see(event_of(frozen), read(lost), Audience.PUBLIC) is None
    both = read(lost, tally_of(frozen, "second"), sources=("main", "second"))
    assert see(event_of(frozen), both, Audience.PUBLIC) is None


def test_each_source_freezes_at_its_own_place() -> None:
    """The one that has not got there counts on, and its version goes with its counts."""
    frozen, before = OnAir(3, "open", "public", frozen=True), OnAir(2, "open", "public")
    both = read(tally_of(frozen), tally_of(before, "second", counts={1: 1}), sources=("main", "second"))
    shown = see(event_of(frozen), both, Audience.PUBLIC)
    assert shown
    assert ([votes for _, votes in shown.rows], shown.version) == ([41, 30, 20, 0], 150)
    assert (shown.as_of, shown.frozen) == (FROZEN_AT, True)


def test_a_reveal_needs_the_final_result() -> None:
    """By counts that aren't final the last place may be another's, so nothing is shown; but what was final stays so."""
    revealing = OnAir(5, "closed", "staff", revealed=2)
    event, final = event_of(revealing), read(tally_of(revealing))
    checkpoint = from_checkpoint([tally_of(revealing, counts={1: 1})], ["main"], "e", "closed")
    assert see(event, checkpoint, Audience.PUBLIC) is None
    assert see(event, follow(final, checkpoint), Audience.PUBLIC) == see(event, final, Audience.PUBLIC)


def test_old_counts_keep_their_own_freeze() -> None:
    """While Redis is away a checkpoint of before the freeze says that there is one, and not that counts are older."""
    open_, frozen = OnAir(2, "open", "public"), OnAir(3, "open", "public", frozen=True)
    seen = read(tally_of(frozen, lsn=200))
    behind = from_checkpoint(
        [tally_of(frozen, lsn=40, counts={1: 1}, freeze=Freeze(40, AS_OF, {1: 1}))], ["main"], "e", "open"
    )
    shown = see(event_of(open_), follow(seen, behind), Audience.PUBLIC)
    assert shown
    assert [votes for _, votes in shown.rows] == [40, 30, 20, 0]


@pytest.mark.parametrize("revealed", range(1, CONTESTANTS))
def test_nothing_is_computed_back_from_a_reveal(revealed: int) -> None:
    """Totals are those of what is shown, and no share or other number is of the whole."""
    revealing = OnAir(5, "closed", "public", frozen=True, revealed=revealed)
    shown = see(event_of(revealing), read(tally_of(revealing)), Audience.PUBLIC)
    assert shown
    bodies = [view(shown).body for view in (result_views.leaderboard, result_views.live_count)]
    bodies += [result_views.results_with_percentages(shown).body, standings_frame(shown).websocket]
    for body in bodies:
        told = re.sub(rb'"generated_at":"[^"]+"', b"", body)  # its microseconds may be any number
        assert b"700" not in told
        assert b"891" not in told  # the whole
        assert b"percentage" not in body
        assert b'"revealed":%d' % revealed in body


def test_the_end_comes_when_all_is_shown() -> None:
    """A frozen or half revealed event that is closed isn't over for the public; one that was cancelled is."""

    def final(status: str, **fields: object) -> bool:
        on_air = OnAir(5, status, "public", **fields)  # type: ignore[arg-type]  # fields of several types
        shown = see(event_of(on_air), read(tally_of(on_air)), Audience.PUBLIC)
        assert shown
        return shown.final

    assert final("closed")
    assert final("cancelled", frozen=True)
    assert not final("closed", frozen=True)
    assert not final("closed", frozen=True, revealed=1)
    assert final("closed", revealed=CONTESTANTS)
    assert not final("open")


def test_versions_of_the_public_rise_through_a_show() -> None:
    """Votes, freeze, more votes, close, reveal: what is shown later has the later version, and nothing else has."""
    open_ = OnAir(1, "open", "public")
    frozen = OnAir(2, "open", "public", frozen=True)
    closed = OnAir(3, "closed", "public", frozen=True)
    steps = [
        tally_of(open_, lsn=10),
        tally_of(frozen, lsn=20, freeze=Freeze(20, AS_OF, COUNTS)),
        tally_of(frozen, lsn=30, freeze=Freeze(20, AS_OF, COUNTS)),
        tally_of(closed, lsn=40, freeze=Freeze(40, AS_OF, COUNTS)),
        *(tally_of(closed._replace(change_no=n + 3, revealed=n), lsn=40 + n) for n in range(1, CONTESTANTS)),
        tally_of(OnAir(9, "closed", "public", revealed=CONTESTANTS), lsn=50),
    ]
    remembered, versions = None, []
    for step in steps:
        remembered = follow(remembered, read(step))
        shown = see(event_of(step.on_air), remembered, Audience.PUBLIC)
        assert shown
        versions.append(shown.version)
    assert versions == [10, 20, 20, 40, 41, 42, 43, 50]


@pytest.mark.parametrize("on_air", ALL_STATES)
def test_traces_of_votes_are_held_back_with_them(on_air: OnAir) -> None:
    """A frame names traced votes to the public only while it sees all, and among ten; to staff in each."""
    event, reading = event_of(on_air), read(tally_of(on_air))
    traces = [HeardTrace(SpanContext("a" * 32, "b" * 16), "c" * 16, 0)] * 9
    push = TracedPush(traces, new_votes=PUBLIC_FROM_VOTES)
    public = push.traceparents_for(Audience.PUBLIC, see(event, reading, Audience.PUBLIC))
    staff = push.traceparents_for(Audience.STAFF, see(event, reading, Audience.STAFF))
    assert bool(public) is (sight_of(on_air, CONTESTANTS) is Sight.ALL)
    few = TracedPush(traces, new_votes=PUBLIC_FROM_VOTES - 1)
    assert few.traceparents_for(Audience.PUBLIC, see(event, reading, Audience.PUBLIC)) == []
    assert few.traceparents_for(Audience.STAFF, see(event, reading, Audience.STAFF)) == staff
    assert 0 < len(staff) <= PER_FRAME_MAX


def test_what_is_as_before_stays_the_same() -> None:
    """Whoever joined in whatever second has seen the same object; so elections tell all of them by the same bytes."""
    on_air, teller = OnAir(1, "open", "public", frozen=False, revealed=None), ElectionTeller()
    feed = SseFeed(event_of(on_air))
    channels = list(feed.channels.values())
    assert feed.show(read(tally_of(on_air)), 0.0) == channels
    seen = [channel.shown for channel in channels]
    assert seen[0] is seen[1]
    assert feed.show(read(tally_of(on_air)), 1.0) == []
    assert all(channel.shown is seen[0] for channel in channels)
    assert feed.show(read(tally_of(on_air, lsn=101, counts={1: 701})), 2.0) == channels
    before, now = seen[0], channels[0].shown
    assert now
    assert now is not before
    assert teller.news(before, now) is teller.news(before, now)
    assert teller.heartbeat("e") is teller.heartbeat("e")
