"""How fast the ledger takes votes: cast_votes() against single INSERTs and against COPY, in one run on one server.

All three put the same row into the same kind of event (16 hash partitions, made anew for each measurement), with
synchronous_commit and fsync on, from two connections (pgbench: the best of several numbers of clients). The rows are
made beforehand; cast_votes and COPY get the same ones through the same driver, which encodes them on the way. COPY of
ready-made bytes is shown too: nobody has those, but it is what the table itself can take.

cast_votes is measured with 0 %, 1 % and 20 % of retries: so many votes of each batch are those of an earlier one again,
and count as votes that were answered. COPY can't have any, so `vs_copy` of all three is against COPY of new rows. The
dead rows are those that an INSERT left behind which failed in the middle; all rounds together.
"""

import asyncio
import io
import os
import re
import statistics
import struct
import subprocess
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import psycopg

from contract import queries
from contract.vote_id import EVENT_NO_MAX
from ops.benches import bench_report
from ops.embedded.postgres_server import BIN
from ops.rig.database import Database
from ops.rig.event import Event, make_event
from ops.rig.postgres import migrated_database

CURVE = (1, 10, 100, 500, 1000, 2000)
BATCH = 500
ROUNDS = 5
RETRIES = (0, 1, 20)  # percent
SECONDS = 3.0
CONNECTIONS = 2
PGBENCH_CLIENTS = (16, 48, 90)
_ROWS_A_SECOND_MAX = 250_000  # how much is made beforehand
_NOISE_BYTES = 28  # make one vote
_RETRIED_AFTER = 4 * CONNECTIONS  # batches: the earlier one was the same connection's, and is committed
_CAST = queries.load_positional("command.sql")["cast_votes"]
_SINGLE = """\\set contestant random(1, 5)
\\set high random(0, 4611686018427387903)
\\set low random(0, 4611686018427387903)
INSERT INTO votes (voted_at, device, event_no, contestant_no, region, voter, seal)
VALUES (clock_timestamp(), :low, {event_no}, :contestant, 'DE',
        substr(int8send(:high) || int8send(:low), 1, 12), int8send(:low) || int8send(:high));
"""
_DEAD_ROWS = "SELECT sum((pgstattuple(relid)).dead_tuple_count) FROM pg_partition_tree(%s) WHERE isleaf"
_COLUMNS = ("voted_at", "device", "event_no", "contestant_no", "region", "voter", "seal")
_EPOCH_2000 = datetime(2000, 1, 1, tzinfo=UTC)

Columns = tuple[list[bytes], list[int], list[int], list[str], list[bytes], list[int]]
Send = Callable[["asyncpg.Connection[asyncpg.Record]", int, int], Awaitable[object]]


def columns_of(size: int) -> Columns:
    """One batch as cast_votes takes it, with random voters."""
    return _columns(os.urandom(_NOISE_BYTES * size))


def _columns(noise: bytes) -> Columns:
    starts = range(0, len(noise), _NOISE_BYTES)
    voters = [noise[at : at + 12] for at in starts]
    seals = [noise[at + 12 : at + 28] for at in starts]
    contestants = [1 + voter[0] % 5 for voter in voters]
    size = len(starts)
    return voters, contestants, [int.from_bytes(seal[:7]) for seal in seals], ["DE"] * size, seals, [0] * size


def batches_of(size: int, count: int, retries: int) -> list[Columns]:
    """Batches of one size, with so many percent of each from an earlier one."""
    again = _NOISE_BYTES * (size * retries // 100)
    noises: list[bytes] = []
    for number in range(count):
        earlier = noises[number - _RETRIED_AFTER][-again:] if again and number >= _RETRIED_AFTER else b""
        noises.append(earlier + os.urandom(_NOISE_BYTES * size - len(earlier)))
    return [_columns(noise) for noise in noises]


async def cast(connection: "asyncpg.Connection[asyncpg.Record]", event: Event, columns: Columns) -> list[object]:
    """One batch through cast_votes; gives the rows of what was refused."""
    names = ("voters", "contestants", "devices", "regions", "seals", "refused")
    values = dict(zip(names, columns, strict=True))
    arguments = _CAST.arguments(event_no=event.event_no, event_id=event.event_id, voted_at=datetime.now(UTC), **values)
    return list(await connection.fetch(_CAST.text, *arguments))


def records_of(event_no: int, columns: Columns) -> list[tuple[object, ...]]:
    """The same batch as rows, in the order of _COLUMNS."""
    now = datetime.now(UTC)
    return [
        (now, device, event_no, contestant, region, voter, seal)
        for voter, contestant, device, region, seal, _ in zip(*columns, strict=True)
    ]


def copy_of(event_no: int, columns: Columns) -> bytes:
    """The same batch in COPY's binary format."""
    microseconds = int((datetime.now(UTC) - _EPOCH_2000).total_seconds() * 1_000_000)
    rows = [b"PGCOPY\n\xff\r\n\0" + bytes(8)]
    for voter, contestant, device, region, seal, _ in zip(*columns, strict=True):
        rows.append(struct.pack(">hiqiqiiih", 7, 8, microseconds, 8, device, 4, event_no, 2, contestant))
        rows.append(struct.pack(">i2si12si16s", 2, region.encode(), 12, voter, 16, seal))
    return b"".join([*rows, b"\xff\xff"])


async def rate_of(url: str, size: int, batches: int, seconds: float, send: Send) -> float:
    """Rows a second of `send` from two connections, each with its own half of the batches."""
    rows = 0

    async def work(connection: "asyncpg.Connection[asyncpg.Record]", numbers: range, until: float) -> None:
        nonlocal rows
        for number in numbers:
            if time.perf_counter() >= until:
                break
            await send(connection, number, size)
            rows += size

    connections = [await asyncpg.connect(url) for _ in range(CONNECTIONS)]
    start = time.perf_counter()
    halves = [range(first, batches, CONNECTIONS) for first in range(CONNECTIONS)]
    await asyncio.gather(*map(work, connections, halves, [start + seconds] * CONNECTIONS))
    elapsed = time.perf_counter() - start
    for connection in connections:
        await connection.close()
    return rows / elapsed


def cast_rate(
    database: Database, event: Event, size: int, seconds: float = SECONDS, *, settled: bool = True, retries: int = 0
) -> float:
    """Rows a second through cast_votes in batches of one size, `retries` percent of each from an earlier one.

    Not `settled`: with earlier work still to be written.
    """
    batches = batches_of(size, int(_ROWS_A_SECOND_MAX * seconds / max(size, 50)), retries)

    async def send(connection: "asyncpg.Connection[asyncpg.Record]", number: int, _size: int) -> None:
        answers = await cast(connection, event, batches[number])
        assert len(answers) == (size * retries // 100 if number >= _RETRIED_AFTER else 0)

    if settled:
        database.settle()
    return asyncio.run(rate_of(database.url(), size, len(batches), seconds, send))


def copy_rate(database: Database, event_no: int, size: int) -> float:
    """Rows a second by binary COPY of the same rows, in statements of one size."""
    batches = [records_of(event_no, columns_of(size)) for _ in range(int(_ROWS_A_SECOND_MAX * SECONDS / size))]

    async def send(connection: "asyncpg.Connection[asyncpg.Record]", number: int, _size: int) -> None:
        await connection.copy_records_to_table("votes", records=batches[number], columns=_COLUMNS)

    database.settle()
    return asyncio.run(rate_of(database.url(), size, len(batches), SECONDS, send))


def ready_copy_rate(database: Database, event_no: int, size: int) -> float:
    """Rows a second by binary COPY of ready-made bytes, in statements of one size."""
    batches = [copy_of(event_no, columns_of(size)) for _ in range(int(_ROWS_A_SECOND_MAX * 2 * SECONDS / size))]

    async def send(connection: "asyncpg.Connection[asyncpg.Record]", number: int, _size: int) -> None:
        await connection.copy_to_table("votes", source=io.BytesIO(batches[number]), format="binary")

    database.settle()
    return asyncio.run(rate_of(database.url(), size, len(batches), SECONDS, send))


def single_rate(database: Database, event_no: int, clients: int) -> float:
    """Rows a second by pgbench, one prepared INSERT a transaction."""
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as script:
        script.write(_SINGLE.format(event_no=event_no))
        script.flush()
        options = ["-n", "-M", "prepared", "-c", str(clients), "-j", "2", "-T", str(int(SECONDS)), "-f", script.name]
        database.settle()
        done = subprocess.run([BIN / "pgbench", *options, database.url()], check=True, capture_output=True, text=True)
    found = re.search(r"tps = ([\d.]+)", done.stdout)
    assert found, done.stdout
    return float(found.group(1))


def dead_rows(database: Database, event: Event) -> int:
    """How many rows of the event nobody will ever see."""
    with psycopg.connect(database.url(), autocommit=True) as connection:
        connection.execute("CREATE EXTENSION IF NOT EXISTS pgstattuple")
        row = connection.execute(_DEAD_ROWS, [f"votes_e{event.event_no}"]).fetchone()
    return int(row[0]) if row else 0


def new_event(database: Database) -> Event:
    """An open event with 16 partitions of its own."""
    with psycopg.connect(database.url(), autocommit=True) as connection:
        return make_event(connection, contestants=5, expected_votes=EVENT_NO_MAX)


def main(_arguments: Sequence[str]) -> int:
    """Run the bench."""
    with (
        tempfile.TemporaryDirectory(prefix="bench-") as folder,
        migrated_database(Path(folder) / "postgres") as database,
    ):
        bench_report.conditions(postgres=database.version(), rounds=ROUNDS, seconds=SECONDS, connections=CONNECTIONS)
        best_clients = max(
            PGBENCH_CLIENTS, key=lambda clients: single_rate(database, new_event(database).event_no, clients)
        )
        singles, copies, ready = [], [], []
        casts: dict[int, list[float]] = {retries: [] for retries in RETRIES}
        dead = dict.fromkeys(RETRIES, 0)
        for _ in range(ROUNDS):
            singles.append(single_rate(database, new_event(database).event_no, best_clients))
            for retries in RETRIES:
                event = new_event(database)
                casts[retries].append(cast_rate(database, event, BATCH, retries=retries))
                dead[retries] += dead_rows(database, event)
            copies.append(copy_rate(database, new_event(database).event_no, BATCH))
            ready.append(ready_copy_rate(database, new_event(database).event_no, BATCH))
        rows: list[tuple[object, ...]] = [
            (f"single INSERT, pgbench -c {best_clients}", statistics.median(singles), ""),
            (f"binary COPY, {BATCH} rows each", statistics.median(copies), ""),
            (f"binary COPY of ready-made bytes, {BATCH} rows each", statistics.median(ready), ""),
            *(
                (f"cast_votes, batches of {BATCH}, {retries} % retries", statistics.median(rates), dead[retries])
                for retries, rates in casts.items()
            ),
            *((f"cast_votes, batches of {size}", cast_rate(database, new_event(database), size), "") for size in CURVE),
        ]
    bench_report.table(("rows a second", "median", "dead rows"), rows)
    bench_report.ratios(
        {
            "vs_single_insert": bench_report.median_ratio(casts[0], singles),
            "vs_copy": bench_report.median_ratio(casts[0], copies),
            **{
                f"vs_copy_{retries}_percent": bench_report.median_ratio(casts[retries], copies)
                for retries in RETRIES[1:]
            },
            "vs_ready_made_copy": bench_report.median_ratio(casts[0], ready),
        }
    )
    return 0
