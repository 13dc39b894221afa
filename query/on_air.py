"""Which numbers of an event who may see: the one place that decides it, for every road. Pure.

                                                          the public sees           staff, admins, auditors see
    for staff only, or not closed yet (after_close)       nothing                   everything
    frozen                                                that moment, `frozen`     everything
    a reveal is under way                                 so many places            everything
    else                                                  everything                everything

A reading carries what decides with its numbers, and an event's row says it, too: the later change is right. So a number
that was counted after a freeze can't be shown by whoever hasn't heard of the freeze, nor a hidden one by whoever has an
old row. What hides a number beyond that is its age: see SHOWN_FOR_S.

Of a reveal nothing can be computed back: the total is that of the places which are shown, and shares are left out. Its
order is right only in the final result, so until that is known nothing more is shown than before.
"""

import enum
from dataclasses import dataclass, replace

from contract.standings import OnAir
from contract.tokens import Caller
from query.event import Contestant, Event
from query.reading import Reading


class Audience(enum.Enum):
    """Who is shown something: everybody, or those who may see all at any time."""

    PUBLIC = "public"
    STAFF = "staff"


class Sight(enum.Enum):
    """How much of the numbers the public sees."""

    NOTHING = enum.auto()
    FREEZE = enum.auto()
    PLACES = enum.auto()
    ALL = enum.auto()


@dataclass(frozen=True, slots=True)
class Shown:
    """What an audience sees of an event: `rows` in the host's order, without those whose place isn't revealed.

    `held_back`: the public doesn't see all. `frozen` and `revealed` (so many places; None: no reveal is under way) say
    why; to staff they say what the public sees. `final`: nothing can follow.
    """

    event: Event
    rows: tuple[tuple[Contestant, int], ...]
    epoch: int
    version: int
    status: str
    as_of: str
    stale: bool
    final: bool
    held_back: bool
    frozen: bool
    revealed: int | None

    @property
    def total_votes(self) -> int:
        """The votes of all that are shown."""
        return sum(votes for _, votes in self.rows)

    @property
    def by_votes(self) -> list[tuple[Contestant, int]]:
        """Most votes first; among equals in the host's order."""
        return sorted(self.rows, key=lambda row: -row[1])

    @property
    def stream_id(self) -> str:
        """The id of these standings in a stream."""
        return f"{self.epoch}-{self.version}"


def may_see_all(caller: Caller | None) -> bool:
    """Whether this caller (None: anybody) is of the staff's audience."""
    return caller is not None and (caller.is_staff or caller.may_read_all)


def sight_of(on_air: OnAir, contestants: int) -> Sight:
    """How much of an event with so many contestants the public sees."""
    closed = on_air.status == "closed"
    hidden = (
        on_air.status == "draft"
        or on_air.visibility == "staff"
        or (on_air.visibility == "after_close" and not closed)  # the close of a cancelled event never comes
    )
    if closed and on_air.revealed is not None and (hidden or on_air.frozen):
        return Sight.ALL if on_air.revealed >= contestants else Sight.PLACES
    if hidden:
        return Sight.NOTHING
    return Sight.FREEZE if on_air.frozen else Sight.ALL


def is_hidden(event: Event) -> bool:
    """Whether the public sees nothing, as far as the event's row knows."""
    return sight_of(event.on_air, len(event.contestants)) is Sight.NOTHING


def see(event: Event, reading: Reading, audience: Audience) -> Shown | None:
    """What this audience sees; None: nothing."""
    on_air = max(event.on_air, reading.on_air, key=lambda each: each.change_no)
    sight = sight_of(on_air, len(event.contestants))
    whole = _whole(event, reading, on_air, sight)
    if audience is Audience.STAFF or sight is Sight.ALL:
        return whole
    if sight is Sight.FREEZE:
        return _at_freeze(whole, reading)
    if sight is Sight.PLACES and whole.final:
        return _places(whole, on_air.revealed)
    return _at_freeze(whole, reading) if sight is Sight.PLACES and on_air.frozen else None


def _whole(event: Event, reading: Reading, on_air: OnAir, sight: Sight) -> Shown:
    standings = reading.standings
    return Shown(
        event=event,
        rows=tuple((each, standings.counts.get(each.contestant_no, 0)) for each in event.contestants),
        epoch=standings.epoch,
        version=standings.version,
        status=standings.status,
        as_of=standings.as_of,
        stale=reading.stale,
        final=reading.final,
        held_back=sight is not Sight.ALL,
        frozen=on_air.frozen and sight is not Sight.ALL,
        revealed=on_air.revealed if sight is Sight.PLACES else None,
    )


def _at_freeze(whole: Shown, reading: Reading) -> Shown | None:
    """The moment of the freeze. What doesn't know of the freeze yet was counted before it.

    It is the end only if no reveal can come.
    """
    standings, freeze = reading.standings, reading.standings.freeze
    final = whole.final and whole.status == "cancelled"
    if freeze is None:
        return None if standings.on_air.frozen else replace(whole, final=final)
    rows = tuple((each, freeze.counts.get(each.contestant_no, 0)) for each, _ in whole.rows)
    return replace(whole, rows=rows, version=freeze.lsn, as_of=freeze.as_of, final=final)


def _places(whole: Shown, revealed: int | None) -> Shown:
    """So many places from the last up."""
    shown = {each.contestant_no for each, _ in whole.by_votes[-revealed:]} if revealed else set[int]()
    rows = tuple(row for row in whole.rows if row[0].contestant_no in shown)
    return replace(whole, rows=rows, frozen=False, final=False)
