"""What is compared of a claim, and how: a position where nothing is, tallies that are lost, many of them."""

from collections.abc import Iterator
from typing import Any, cast

import msgspec

from contract import settings
from contract.standings import OnAir, SourceTally
from fanout.settings import Fanout
from fanout.tally import EventTally
from fanout.wal_decoder import CountKey, Keepalive
from fanout.wal_listener import WalListener
from ops.auditor.ledger_history import LedgerHistory
from ops.auditor.live_audit import Claim, LiveAudit, _differences

EVENTS = {number: EventTally(f"event {number}", OnAir(), 0, 0) for number in range(1, 251)}
TALLY = msgspec.json.encode(SourceTally("", "main", 1, 5, "open", "", {1: 2}))


class Quiet:
    """A listener who has heard all until 1000; counts its signs of life."""

    def __init__(self) -> None:
        self.reports = 0

    def read(self) -> Iterator[Keepalive]:
        """No votes."""
        yield Keepalive(1000)

    def report(self, *_: int) -> None:
        """One more."""
        self.reports += 1


class Hundreds:
    """A Redis that answers a pipeline; of the second hundred it has lost all."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []

    def pipeline(self, **_: bool) -> "Hundreds":
        """The next one."""
        self.asked.append([])
        return self

    def hget(self, key: str, _: str) -> None:
        """One of its commands."""
        self.asked[-1].append(key)

    def execute(self) -> list[bytes | None]:
        """What it holds."""
        return [None if len(self.asked) == 2 else TALLY for _ in self.asked[-1]]


def history(listener: Quiet) -> LedgerHistory:
    """Of a ledger with two votes for contestant 1 in each event."""
    return LedgerHistory(cast("WalListener", listener), 10, EVENTS, {CountKey(number, 1): 2 for number in EVENTS})


def test_a_position_beyond_the_end_of_the_wal_is_a_finding() -> None:
    """Named with its event, and waited for by nobody; others are compared; who claims nothing isn't."""
    claim = Claim({CountKey(1, 1): 7, CountKey(2, 1): 2, CountKey(3, 1): 3}, {1: 1 << 62, 2: 900, 3: 1000}, {})
    assert list(_differences(claim, history(Quiet()), 1000)) == [
        {
            "event_id": "event 1",
            "contestant_no": "all",
            "claimed": 7,
            "ledger": "nothing there: it ends at 0/3E8",
            "wal_position": "40000000/0",
        },
        {"event_id": "event 3", "contestant_no": 1, "claimed": 3, "ledger": 2, "wal_position": "0/3E8"},
    ]


def test_tallies_are_read_by_hundreds() -> None:
    """Postgres hears from us between them, so however many they are it doesn't give us up; a lost one is left out."""
    listener, client = Quiet(), Hundreds()
    audit = LiveAudit("", settings.read(Fanout, {}), "")
    read = dict(audit._tallies(cast("Any", client), history(listener)))
    assert [len(keys) for keys in client.asked] == [100, 100, 50]
    assert list(read) == [*range(1, 101), *range(201, 251)]
    assert listener.reports == 3
