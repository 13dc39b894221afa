"""What observing costs a vote: command processes that differ by settings only, each in turn at its best rate.

A machine's speed wanders by more than what is looked for, and so do two processes of the same settings: where their
memory lies and how their strings hash is drawn when they start. So each round starts new ones and measures all of
them, one right after the other, beginning with another one each time; a ratio is of one round, and the median of the
ratios is told. The CPU of the processes, by acked vote, wanders less, and stands beside. A second process that nothing
observes is one of them: its ratio says how much of the others' is noise.
"""

import contextlib
import statistics
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import psutil

from ops.benches import bench_report
from ops.load.http_load import Load
from ops.rig.database import Database
from ops.rig.people import TokenMint
from ops.rig.service import Service, command_process
from ops.traces.otlp_receiver import otlp_receiver

ROUNDS = 12
NONE = "none"
AGAIN = "none_again"
TRACED = "tracing_1pct"  # with metrics, and 1 % sampled, as is the default; its endpoint is known when it runs
OFF: Mapping[str, str] = {"METRICS": "off"}
OBSERVING: dict[str, Mapping[str, Any]] = {NONE: OFF, "metrics": {}, AGAIN: OFF, TRACED: {}}


def ratios(
    folder: Path, database: Database, mint: TokenMint, load: Callable[[int], Load], rounds: int = ROUNDS
) -> dict[str, float]:
    """Throughput and CPU a vote of each, beside those of what nothing observes; `load` warms the one at this port.

    Prints a table.
    """
    rates: dict[str, list[float]] = {name: [] for name in OBSERVING}
    cpu_us: dict[str, list[float]] = {name: [] for name in OBSERVING}
    with otlp_receiver() as receiver:
        observing = OBSERVING | {TRACED: {"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.endpoint}}
        for number in range(rounds):
            with contextlib.ExitStack() as stack:
                commands = {
                    name: stack.enter_context(command_process(folder, database.url("vote_command"), mint, **settings))
                    for name, settings in observing.items()
                }
                turn = number % len(commands)
                for name, command in [*commands.items()][turn:] + [*commands.items()][:turn]:
                    _measure_once(command, load(command.port), rates[name], cpu_us[name])
        assert receiver.store.trace_ids(), "no span has come"
    rows = [
        (name, statistics.median(rates[name]), statistics.median(cpu_us[name]), min(ratio), max(ratio))
        for name, ratio in ((name, _by_round(rates, name)) for name in OBSERVING)
    ]
    bench_report.table(("observed by", "acked/s", "command µs a vote", "worst ratio", "best ratio"), rows)
    return {
        f"{name}_{what}": statistics.median(_by_round(measured, name))
        for name in OBSERVING
        if name != NONE
        for what, measured in (("vs_none", rates), ("cpu_vs_none", cpu_us))
    }


def _by_round(measured: Mapping[str, list[float]], name: str) -> list[float]:
    return [one / none for one, none in zip(measured[name], measured[NONE], strict=True)]


def _measure_once(command: Service, load: Load, rates: list[float], cpu_us: list[float]) -> None:
    process = psutil.Process(command.process.pid)
    before = process.cpu_times()
    result = load.run()
    after = process.cpu_times()
    assert set(result.statuses) == {200}, result.statuses
    rates.append(result.acked_a_second)
    cpu_us.append(1e6 * (after.user + after.system - before.user - before.system) / len(result.acked))
