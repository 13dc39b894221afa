"""The decoder against streams that are made byte by byte, as the manual of pgoutput describes them."""

import json
import struct
from collections import Counter
from collections.abc import Iterable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.tracing import SpanContext
from contract.wal_trace import TracedVote
from fanout.wal_decoder import CountKey, Keepalive, StreamEndedError, Transaction, WalDecoder

VOTES_ID, OTHER_ID = 16_400, 16_500
EVENT_NO, CONTESTANT_NO = "event_no", "contestant_no"
SIZES = {EVENT_NO: 4, CONTESTANT_NO: 2, "device": 8}
ID = "8f86c617-dc70-409d-9768-7728abafd811"


def data(body: bytes) -> bytes:
    return b"w" + bytes(24) + body


def begin() -> bytes:
    return data(b"B" + struct.pack("!QqI", 7, 1_000_000, 1))


def commit(end_lsn: int) -> bytes:
    return data(b"C" + struct.pack("!BQQq", 0, end_lsn - 8, end_lsn, 1_000_000))


def relation(columns: Sequence[str], relation_id: int = VOTES_ID, table: bytes = b"public\0votes\0") -> bytes:
    described = b"".join(b"\1" + name.encode() + b"\0" + struct.pack("!Ii", 23, -1) for name in columns)
    return data(b"R" + struct.pack("!I", relation_id) + table + b"d" + struct.pack("!h", len(columns)) + described)


def insert(
    key: CountKey, columns: Sequence[str], relation_id: int = VOTES_ID, *, text: bool = False, device: int | None = None
) -> bytes:
    values = {EVENT_NO: key.event_no, CONTESTANT_NO: key.contestant_no, "device": device}
    body = b"I" + struct.pack("!I", relation_id) + b"N" + struct.pack("!h", len(columns))
    for name in columns:
        value = values[name]
        if value is None:
            body += b"n"
            continue
        sent = str(value).encode() if text else value.to_bytes(SIZES[name], "big", signed=True)
        body += (b"t" if text else b"b") + struct.pack("!i", len(sent)) + sent
    return data(body)


def message(content: bytes, prefix: bytes = b"vote.event", flags: int = 1) -> bytes:
    return data(b"M" + struct.pack("!BQ", flags, 9) + prefix + b"\0" + struct.pack("!i", len(content)) + content)


def change(event_no: int, status: str) -> bytes:
    return json.dumps({"event_no": event_no, "event_id": ID, "status": status, "at": "2026-01-01T00:00:00Z"}).encode()


def keepalive(wal_end: int, *, reply: bool = False) -> bytes:
    return b"k" + struct.pack("!QQ?", wal_end, 0, reply)


def decode(decoder: WalDecoder, messages: Iterable[bytes]) -> list[Transaction | Keepalive]:
    """Feed the messages as libpq hands them out."""
    rest = iter(messages)

    def next_message(_async: int) -> tuple[int, memoryview]:
        content = next(rest, b"")
        return len(content), memoryview(content)

    return list(decoder.messages(next_message))


keys = st.builds(CountKey, st.integers(0, 2**28 - 1), st.integers(1, 2**15 - 1))
layouts = st.permutations([EVENT_NO, CONTESTANT_NO, "device"]).flatmap(
    lambda columns: st.sampled_from([columns, [name for name in columns if name != "device"]])
)


@given(
    st.lists(
        st.tuples(layouts, st.booleans(), st.none() | st.integers(-(2**63), 2**63 - 1), st.lists(keys), keys),
        min_size=1,
    )
)
def test_any_stream_gives_its_counts(
    parts: list[tuple[list[str], bool, int | None, list[CountKey], CountKey]],
) -> None:
    """Whatever the order of columns, binary or text, with rows of other tables between and layouts that change in
    the midst of a transaction: the counts are those of the rows that were sent.
    """
    stream, expected = [begin()], Counter[CountKey]()
    for columns, text, device, rows, elsewhere in parts:
        stream.append(relation(columns))
        stream.append(relation(columns, OTHER_ID, b"public\0vote_rejections\0"))
        for key in rows:
            stream.append(insert(key, columns, text=text, device=device))
            stream.append(insert(elsewhere, columns, OTHER_ID, text=text, device=device))
        expected.update(rows)
    decoded = decode(WalDecoder(), [*stream, commit(100)])
    assert decoded == [Transaction(100, 946_684_801_000_000, dict(expected), {})]


@given(st.lists(keys), st.integers(0, 100))
def test_nothing_is_seen_before_its_commit(rows: list[CountKey], cut: int) -> None:
    """A stream that breaks off anywhere before the commit has given no vote."""
    columns = [EVENT_NO, CONTESTANT_NO]
    stream = [begin(), relation(columns), *(insert(key, columns) for key in rows)]
    assert decode(WalDecoder(), stream[:cut]) == []


def test_counts_of_one_commit_stay_out_of_the_next() -> None:
    """Two commits, two transactions."""
    columns, key = [EVENT_NO, CONTESTANT_NO], CountKey(1, 2)
    stream = [begin(), relation(columns), insert(key, columns), commit(8), begin(), insert(key, columns), commit(9)]
    first, second = decode(WalDecoder(), stream)
    assert isinstance(first, Transaction) and isinstance(second, Transaction)
    assert (first.votes, second.votes) == ({key: 1}, {key: 1})


def test_keepalive_inside_a_transaction_moves_nothing() -> None:
    """The position of a keepalive counts only between transactions."""
    decoder = WalDecoder()
    assert decode(decoder, [keepalive(5, reply=True)]) == [Keepalive(5)]
    assert decode(decoder, [begin(), keepalive(6)]) == [Keepalive(0)]
    assert decode(decoder, [commit(17), keepalive(18)])[1] == Keepalive(18)


def test_the_last_change_of_an_event_counts() -> None:
    """Opened and closed in one transaction is closed."""
    stream = [begin(), message(change(3, "open")), message(change(3, "closed")), commit(8)]
    (decoded,) = decode(WalDecoder(), stream)
    assert isinstance(decoded, Transaction)
    assert {event_no: change.status for event_no, change in decoded.changes.items()} == {3: "closed"}


def test_traces_come_with_their_own_commit() -> None:
    """The message of a commit names its traced votes; the next commit has none of them."""
    entry, key = b"7 " + b"a" * 32 + b"-" + b"b" * 16, CountKey(7, 2)
    rows = [relation([EVENT_NO, CONTESTANT_NO]), insert(key, [EVENT_NO, CONTESTANT_NO])]
    stream = [begin(), *rows, message(entry, b"vote.trace"), commit(8), begin(), *rows, commit(9)]
    first, second = decode(WalDecoder(), stream)
    assert isinstance(first, Transaction) and isinstance(second, Transaction)
    assert list(first.traces) == [TracedVote(7, SpanContext("a" * 32, "b" * 16))]
    assert (second.traces, second.votes) == ((), {key: 1})


@pytest.mark.parametrize(
    "foreign",
    [
        message(change(3, "closed"), prefix=b"vote.retry"),
        message(change(3, "closed"), flags=0),
        message(b'{"event_no": "three"}'),
        message(b"\xff\xfe"),
        message(b"\xff\xfe", b"vote.trace"),
        message(b"7 " + b"a" * 32 + b"-" + b"b" * 16, b"vote.trace", flags=0),
        message(b""),
        data(b"Y" + bytes(20)),
        data(b"O" + bytes(8) + b"origin\0"),
        insert(CountKey(1, 1), [EVENT_NO, CONTESTANT_NO])[:25] + b"M" + bytes(23),
    ],
    ids=[
        "prefix",
        "not transactional",
        "not a change",
        "not UTF-8",
        "no trace",
        "a trace outside",
        "empty",
        "type",
        "origin",
        "an insert's length",
    ],
)
def test_what_says_nothing_here_is_skipped(foreign: bytes) -> None:
    """Messages of others, malformed ones and kinds without votes don't stop the count."""
    columns, key = [EVENT_NO, CONTESTANT_NO], CountKey(1, 2)
    stream = [begin(), relation(columns), foreign, insert(key, columns), commit(8)]
    assert decode(WalDecoder(), stream) == [Transaction(8, 946_684_801_000_000, {key: 1}, {})]


def test_an_ended_stream_is_an_error() -> None:
    """CopyDone isn't mistaken for silence."""
    with pytest.raises(StreamEndedError):
        list(WalDecoder().messages(lambda _async: (-1, memoryview(b""))))
