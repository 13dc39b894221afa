"""What observing costs a vote: a command process at its best rate that is observed in another way each half a second.

A machine's speed wanders by more than what is looked for, and so do two processes of the same settings, for as long as
they live: where their memory lies and how their strings hash is drawn when they start. So it is one process, and each
ratio is of half a second and one a moment before it. Their median is told, with the standard error.
"""

import itertools
import signal
import statistics
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from ops.benches import bench_report
from ops.benches.observed_twin import MODES, NONE
from ops.load.http_load import Load, LoadResult
from ops.rig.database import Database
from ops.rig.people import TokenMint
from ops.rig.service import Service, command_process
from ops.traces.otlp_receiver import otlp_receiver

ROUNDS, STEP_S = 40, 0.5
SECONDS = ROUNDS * STEP_S * len(MODES) + 1
TWIN = ("-m", "ops.benches.observed_twin")


def ratios(folder: Path, database: Database, mint: TokenMint, load: Callable[[int], Load]) -> dict[str, float]:
    """Throughput and CPU a vote of each, beside those of what nothing observes; `load` goes to this port for SECONDS.

    Prints a table.
    """
    with otlp_receiver() as receiver:
        # With metrics, and 1 % sampled, as is the default.
        url, to = database.url("vote_command"), receiver.endpoint
        with command_process(folder, url, mint, TWIN, OTEL_EXPORTER_OTLP_ENDPOINT=to) as command:
            rates, cpu_us = _measure(command, load(command.port))
        assert receiver.store.trace_ids(), "no span has come"
    told: dict[str, float] = {}
    rows = []
    for mode in MODES:
        faster, dearer = (_by_round(measured, mode) for measured in (rates, cpu_us))
        ratio, error = statistics.median(faster), statistics.stdev(faster) / len(faster) ** 0.5
        rate, used_us = (statistics.median(each[mode]) for each in (rates, cpu_us))
        rows.append((mode, rate, used_us, f"{ratio:.3f} ± {error:.3f}"))
        if mode != NONE:
            told |= {f"{mode}_vs_none": statistics.median(faster), f"{mode}_cpu_vs_none": statistics.median(dearer)}
    bench_report.table(("observed by", "acked/s", "command µs a vote", "ratio"), rows)
    return told


def _measure(command: Service, load: Load) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
    """Acks a second and microseconds of CPU an ack of each step, by the mode."""
    rates: dict[str, list[float]] = {mode: [] for mode in MODES}
    cpu_us: dict[str, list[float]] = {mode: [] for mode in MODES}
    process, result = psutil.Process(command.process.pid), LoadResult()

    def now() -> tuple[float, int, float]:
        used = process.cpu_times()
        return time.monotonic(), len(result.acked), 1e6 * (used.user + used.system)

    loading = threading.Thread(target=load.run, args=(result,))
    loading.start()
    for mode in itertools.islice(itertools.cycle(MODES), ROUNDS * len(MODES)):
        began, votes, used_us = now()
        time.sleep(STEP_S)
        ended, votes_then, used_then_us = now()
        rates[mode].append((votes_then - votes) / (ended - began))
        cpu_us[mode].append((used_then_us - used_us) / (votes_then - votes))
        process.send_signal(signal.SIGUSR1)
    loading.join()
    assert set(result.statuses) == {200}, result.statuses
    return rates, cpu_us


def _by_round(measured: dict[str, list[float]], mode: str) -> list[float]:
    return [one / none for one, none in zip(measured[mode], measured[NONE], strict=True)]
