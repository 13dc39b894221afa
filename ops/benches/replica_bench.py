"""What a synchronous standby costs: cast_votes() with and without commits that wait for it, side by side in one run.

Both with the same standby streaming on the same machine, whose disk and cores it shares; only synchronous_standby_names
changes between the measurements of a round, and which of the two is first alternates. The wait is one more flush on the
standby's disk and the way there and back, which here is loopback: a network adds its round trip to each commit. Batches
of 500 are what command writes under load, of 1 what it writes while it is idle.
"""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from ops.benches import bench_report
from ops.benches.ledger_bench import BATCH, CONNECTIONS, cast_rate, new_event
from ops.rig.eventually import eventually
from ops.rig.postgres import RunningPostgres, postgres, standby_of

ROUNDS = 4  # even: each of the two is first as often
SECONDS = 2.0
SIZES = (1, BATCH)
STANDBY = "walreceiver"  # the name of a standby that wasn't given one


@contextmanager
def waiting(primary: RunningPostgres, *, synchronous: bool) -> Iterator[None]:
    """Commits wait for the standby during the block, or don't."""
    primary.execute(f"ALTER SYSTEM SET synchronous_standby_names = '{STANDBY if synchronous else ''}'")
    primary.execute("SELECT pg_reload_conf()")
    wanted = [("sync" if synchronous else "async",)]
    state = "SELECT sync_state FROM pg_stat_replication WHERE application_name = %s"
    eventually(lambda: primary.execute(state, STANDBY) == wanted, "the standby is what it should be")
    yield


def main(_arguments: Sequence[str]) -> int:
    """Run the bench."""
    rates: dict[tuple[int, bool], list[float]] = {(size, waits): [] for size in SIZES for waits in (True, False)}
    with (
        tempfile.TemporaryDirectory(prefix="bench-") as folder,
        postgres(Path(folder) / "primary") as primary,
        standby_of(primary, Path(folder) / "standby", "standby"),
    ):
        database = primary.database
        bench_report.conditions(
            postgres=database.version(), rounds=ROUNDS, seconds=SECONDS, connections=CONNECTIONS, standby="this machine"
        )
        for number in range(ROUNDS):
            for size in SIZES:
                for synchronous in (True, False) if number % 2 else (False, True):
                    with waiting(primary, synchronous=synchronous):
                        rates[size, synchronous].append(cast_rate(database, new_event(database), size, SECONDS))
    names = {True: "synchronous", False: "asynchronous"}
    rows = [(f"{names[waits]}, batches of {size}", median(rates[size, waits])) for size, waits in rates]
    bench_report.table(("votes a second", "median"), rows)
    bench_report.ratios(
        {
            f"synchronous_vs_asynchronous_{size}": bench_report.median_ratio(rates[size, True], rates[size, False])
            for size in SIZES
        }
    )
    return 0
