"""The pure modules that all processes agree on: receipts, pseudonyms, seals, positions, standings, bodies."""

import contextlib
import json
import uuid
from pathlib import Path
from typing import Annotated, Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract import errors
from contract.position import Position, parse_lsn
from contract.pseudonym import voter_of
from contract.seal import seal_of
from contract.settings import REHEARSAL_KEYS, Primary, ReceiptKeys, SealKeys, SettingError, read
from contract.standings import AppliedPosition, SourceTally, add_up
from contract.tracing import trace_id_of
from contract.vote_id import EVENT_NO_MAX, Receipt, ReceiptCipher, VoteKind
from contract.web.request_content import decode
from query.settings import QueryListening

keys = st.binary(min_size=16, max_size=16)
voters = st.binary(min_size=12, max_size=12)
event_nos = st.integers(0, EVENT_NO_MAX)
lsns = st.integers(0, 2**64 - 1)


@given(keys, st.sampled_from(VoteKind), event_nos, voters)
def test_a_receipt_opens_to_what_was_sealed(key: bytes, kind: VoteKind, event_no: int, voter: bytes) -> None:
    """A vote_id is the vote's key and outcome, encrypted: the same vote always has the same one."""
    cipher = ReceiptCipher(key)
    vote_id = cipher.seal(kind, event_no, voter)
    assert cipher.seal(kind, event_no, voter) == vote_id
    assert cipher.open(uuid.UUID(vote_id)) == Receipt(kind, event_no, voter)


@given(keys, st.uuids())
def test_any_uuid_opens_to_something_or_none(key: bytes, vote_id: uuid.UUID) -> None:
    """A made-up vote_id never raises."""
    receipt = ReceiptCipher(key).open(vote_id)
    assert receipt is None or receipt.event_no <= EVENT_NO_MAX


def test_pseudonyms_of_one_person_differ_between_events() -> None:
    """The pseudonym is fixed by seed and event; this vector is what SQL computes too."""
    seed = bytes(range(32))
    assert voter_of(seed, 1).hex() == "04a6950a06d3e3308ad7d360"
    assert voter_of(seed, 1) != voter_of(seed, 2)


ROW: dict[str, Any] = {
    "voted_at_us": 1_800_000_000_000_000,
    "device": 7,
    "event_no": 3,
    "contestant_no": 2,
    "region": "DE",
    "voter": b"v" * 12,
}


@pytest.mark.parametrize(
    "change",
    [
        {"voted_at_us": 1_800_000_000_000_001},
        {"device": None},
        {"device": 8},
        {"event_no": 4},
        {"contestant_no": 1},
        {"region": None},
        {"region": "AT"},
        {"voter": b"w" * 12},
    ],
)
def test_a_seal_covers_every_column(change: dict[str, Any]) -> None:
    """Altering any column, a null included, or the key, makes another seal."""
    seal = seal_of(b"k" * 32, **ROW)
    assert len(seal) == 16
    assert seal_of(b"k" * 32, **{**ROW, **change}) != seal
    assert seal_of(b"K" * 32, **ROW) != seal


def test_a_null_device_is_not_device_zero() -> None:
    """Null and zero are told apart."""
    assert seal_of(b"k" * 32, **{**ROW, "device": 0}) != seal_of(b"k" * 32, **{**ROW, "device": None})


@given(lsns)
def test_lsn_is_read_from_postgres_own_text(lsn: int) -> None:
    """Two halves of 32 bits, in hexadecimal without leading zeros."""
    assert parse_lsn(f"{lsn >> 32:X}/{lsn & 0xFFFFFFFF:X}") == lsn


orders = st.tuples(st.integers(1, 2**31), st.integers(1, 2**31), lsns)


@given(orders, orders)
def test_order_keys_sort_like_positions(one: tuple[int, int, int], other: tuple[int, int, int]) -> None:
    """Lua compares text, so the text must sort by epoch, timeline, then LSN."""
    first, second = (Position(1, timeline, lsn).order_key(epoch) for epoch, timeline, lsn in (one, other))
    assert (first < second) == (one < other)


@pytest.mark.parametrize(
    ("applied", "reached"),
    [
        (AppliedPosition(2**64 - 5, 2, 100, at=1.0), True),
        (AppliedPosition(2**64 - 5, 3, 100, at=1.0), True),
        (AppliedPosition(2**64 - 5, 2, 99, at=1.0), False),
        (AppliedPosition(2**64 - 5, 1, 900, at=1.0), False),
        (AppliedPosition(5, 2, 900, at=1.0), False),
        (AppliedPosition(2**64 - 5, 2, 900, at=0), False),
    ],
)
def test_a_position_is_reached_in_its_own_history_only(applied: AppliedPosition, *, reached: bool) -> None:
    """Another system, an older timeline, and keys that are still being written say nothing; Postgres' id is signed."""
    assert applied.has_reached(Position(-5, 2, 100)) is reached


def tally(source: str, lsn: int, counts: dict[int, int], status: str = "open") -> SourceTally:
    return SourceTally("e", source, 1, lsn, status, f"2026-01-01T00:00:0{lsn}Z", counts)


def test_sources_add_up() -> None:
    """Standings are the sum of the sources, their version the sum of the LSNs, complete when all have written."""
    both = add_up([tally("a", 1, {1: 2, 2: 1}), tally("b", 2, {1: 3})], ["a", "b"])
    assert both is not None
    assert (both.counts, both.version, both.total_votes, both.complete) == ({1: 5, 2: 1}, 3, 6, True)
    assert both.as_of == "2026-01-01T00:00:02Z"
    one = add_up([tally("a", 1, {1: 2})], ["a", "b"])
    assert one is not None
    assert not one.complete
    assert add_up([], ["a"]) is None


def test_an_event_is_closed_when_every_source_says_so() -> None:
    """Votes from before the close may still come from the source that has not said it."""
    half = add_up([tally("a", 1, {}, "closed"), tally("b", 1, {})], ["a", "b"])
    whole = add_up([tally("a", 1, {}, "closed"), tally("b", 1, {}, "closed")], ["a", "b"])
    assert half is not None
    assert whole is not None
    assert (half.status, whole.status) == ("open", "closed")


class Inner(msgspec.Struct):
    name: Annotated[str, msgspec.Meta(min_length=1)]


class Outer(msgspec.Struct):
    items: list[Inner]


@pytest.mark.parametrize(
    ("body", "error", "field"),
    [
        (b'{"items": [{"name": ""}]}', errors.InvalidField, "items[0].name"),
        (b'{"items": [{}]}', errors.MissingField, "items[0].name"),
        (b"{}", errors.MissingField, "items"),
        (b"3", errors.InvalidBody, ""),
        (b"{", errors.InvalidBody, ""),
        (b'{"items": ' + b"[" * 20_000, errors.InvalidField, "items[0]"),
        (b'{"x": ' + b"[" * 20_000, errors.InvalidBody, ""),
    ],
)
def test_a_body_error_names_its_field(body: bytes, error: type[errors.ContractError], field: str) -> None:
    """The path of the field is in the error, however deep."""
    with pytest.raises(error) as raised:
        decode(Outer, body)
    assert raised.value.field == field


@given(st.binary(max_size=200))
def test_no_body_escapes_the_contract(body: bytes) -> None:
    """Whatever comes, it is either a body or an error of the contract."""
    with contextlib.suppress(errors.InvalidBody, errors.InvalidField, errors.MissingField):
        decode(Outer, body)


@pytest.mark.parametrize(
    ("traceparent", "continued"),
    [
        ("00-" + "a" * 32 + "-" + "b" * 16 + "-01", True),
        ("cc-" + "a" * 32 + "-" + "b" * 16 + "-01", True),
        ("cc-" + "a" * 32 + "-" + "b" * 16 + "-01-what-may-come", True),
        ("cc-" + "a" * 32 + "-" + "b" * 16 + "-01.what-may-not", False),
        ("00-" + "a" * 32 + "-" + "b" * 16 + "-01-what-may-come", False),
        ("00-" + "a" * 32 + "-" + "b" * 16 + "-01-", False),
        ("ff-" + "a" * 32 + "-" + "b" * 16 + "-01", False),
        ("00-" + "a" * 32 + "-" + "0" * 16 + "-01", False),
        ("00-" + "a" * 32 + "-" + "b" * 16 + "-01," + "00-" + "a" * 32 + "-" + "b" * 16 + "-01", False),
        ("00-" + "0" * 32 + "-" + "b" * 16 + "-01", False),
        ("00-" + "A" * 32 + "-" + "b" * 16 + "-01", False),
        ("nonsense", False),
        (None, False),
    ],
)
def test_a_client_trace_is_continued_when_it_is_one(traceparent: str | None, *, continued: bool) -> None:
    """A valid W3C traceparent gives the trace id; anything else gets a new one."""
    trace_id = trace_id_of(traceparent)
    assert len(trace_id) == 32
    assert (trace_id == "a" * 32) is continued


def test_a_setting_that_is_wrong_is_named() -> None:
    """Missing and malformed settings are one clear line with the variable's name."""
    with pytest.raises(SettingError, match="DATABASE_URL is not set"):
        read(Primary, {})
    with pytest.raises(SettingError, match="QUERY_PORT is malformed"):
        read(QueryListening, {"QUERY_PORT": "many"})
    assert read(QueryListening, {"QUERY_PORT": "7"}).port == 7


@pytest.mark.parametrize("content", ["{}", '{"1": "00"}', "[]", "nonsense"])
def test_a_key_file_without_a_usable_key_is_refused(tmp_path: Path, content: str) -> None:
    """An empty file, or a key of another length, ends the process before it answers anything."""
    (tmp_path / "keys").write_text(content)
    for piece, variable in ((ReceiptKeys, "RECEIPT_KEYS_FILE"), (SealKeys, "SEAL_KEYS_FILE")):
        with pytest.raises(SettingError, match=f"{variable} is malformed"):
            read(piece, {variable: str(tmp_path / "keys")})


def test_rehearsals_have_keys_of_their_own(tmp_path: Path) -> None:
    """Each follows from a real one, always the same, and is none of them; a real one can't take its number."""
    real = {1: bytes(range(16)), 2: bytes(range(1, 17))}
    (tmp_path / "keys").write_text(json.dumps({number: key.hex() for number, key in real.items()}))
    keys = read(ReceiptKeys, {"RECEIPT_KEYS_FILE": str(tmp_path / "keys")}).by_number
    assert keys.keys() == {1, 2, REHEARSAL_KEYS + 1, REHEARSAL_KEYS + 2}
    assert {number: keys[number] for number in real} == real
    assert len(set(keys.values())) == 4
    (tmp_path / "keys").write_text(json.dumps({REHEARSAL_KEYS: bytes(range(16)).hex()}))
    with pytest.raises(SettingError, match="those of rehearsals"):
        read(ReceiptKeys, {"RECEIPT_KEYS_FILE": str(tmp_path / "keys")})
