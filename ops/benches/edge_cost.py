"""What a vote costs the edge, and command behind it: the CPU of both, each edge in turn at one rate.

The rates of a load that shares the machine's cores say little about an edge; the CPU of its own processes does.
"""

import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import psutil

from ops.benches import bench_report
from ops.load.http_load import Load, LoadResult
from ops.rig.edge import RunningEdge
from ops.rig.service import Service

FLEET_VOTES_A_SECOND = 250_000
ROUNDS = 5


@dataclass
class EdgeCost:
    """What one edge was measured at, round by round; microseconds of CPU for each acked vote."""

    edge_us: list[float] = field(default_factory=list)
    command_us: list[float] = field(default_factory=list)
    results: list[LoadResult] = field(default_factory=list)

    @property
    def fleet_cores(self) -> float:
        """Busy cores of edge and command together at FLEET_VOTES_A_SECOND."""
        return FLEET_VOTES_A_SECOND * (statistics.median(self.edge_us) + statistics.median(self.command_us)) / 1e6


def measure(edges: Mapping[str, RunningEdge], command: Service, load: Callable[[int], Load]) -> dict[str, EdgeCost]:
    """Ask each edge in turn for a load on its port, ROUNDS times; prints a table."""
    costs = {name: EdgeCost() for name in edges}
    for _ in range(ROUNDS):
        for name, each in edges.items():
            _measure_once(costs[name], each.pid, command.process.pid, load(each.port))
    rows = [(name, *map(statistics.median, (cost.edge_us, cost.command_us)), cost.fleet_cores)
            for name, cost in costs.items()]  # fmt: skip
    head = ("CPU of an acked vote", "edge µs", "command µs", f"cores at {FLEET_VOTES_A_SECOND:,}/s")
    bench_report.table(head, rows)
    return costs


def ratios(costs: Mapping[str, EdgeCost]) -> dict[str, float]:
    """What each edge costs beside command."""
    return {
        f"{name}_cpu_vs_command": bench_report.median_ratio(cost.edge_us, cost.command_us)
        for name, cost in costs.items()
    }


def _measure_once(cost: EdgeCost, edge_pid: int, command_pid: int, load: Load) -> None:
    before = _cpu_s(edge_pid), _cpu_s(command_pid)
    result = load.run()
    votes = len(result.acked)
    cost.edge_us.append(1e6 * (_cpu_s(edge_pid) - before[0]) / votes)
    cost.command_us.append(1e6 * (_cpu_s(command_pid) - before[1]) / votes)
    cost.results.append(result)


def _cpu_s(pid: int) -> float:
    """Of a process and its workers, so far."""
    process = psutil.Process(pid)
    times = [each.cpu_times() for each in (process, *process.children(recursive=True))]
    return sum(each.user + each.system for each in times)
