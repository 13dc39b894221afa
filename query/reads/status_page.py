"""GET /status at query's own port, for operators: how each process does, as a text to read or as JSON.

The edge knows no such path. All of it comes through Redis, where each process tells of itself every second; while Redis
is away nobody is heard, and each process' own /ready has to be asked.
"""

import time
from collections.abc import Iterable

import msgspec
from sanic import HTTPResponse, Request
from sanic.response import text

from contract.road import Part, RoadReport
from contract.web.answering import answer
from query.reads.road_health import SILENT_AFTER_S, CountingHealth, RoadWatch

PROGRAMS = {
    Part.VOTES: "command",
    Part.COUNTING: "fanout",
    Part.STREAMS: "sse",
    Part.READS: "query",
    Part.PEOPLE: "identity",
}


class ProcessStatus(msgspec.Struct):
    """One process. Its numbers are its last ones; `silent_s` says how old they are, `silent` that it may be gone."""

    program: str
    host: str
    pid: int
    version: str
    up_s: int
    ready: bool
    why_not_ready: str
    silent: bool
    silent_s: float
    waiting: int
    slow_ms: float | None
    watching: int
    lag_s: float | None
    trouble: str
    trouble_at: str


class Status(msgspec.Struct):
    """All processes that were heard of lately, and which programs nobody was heard of."""

    counting: CountingHealth
    missing: list[str]
    processes: list[ProcessStatus]


class StatusPage:
    """Asks how the road is."""

    def __init__(self, road: RoadWatch) -> None:
        self._road = road

    async def show(self, request: Request) -> HTTPResponse:
        """JSON for whoever accepts it by name, else text."""
        road, reports = await self._road.look_closely()
        status = status_of(reports, road.counting, time.time())
        if "application/json" in request.headers.get("accept", ""):
            return answer(status)
        return text(as_text(status), headers={"Cache-Control": "no-store"})


def status_of(reports: Iterable[RoadReport], counting: CountingHealth, now: float) -> Status:
    """The last reports, by program, in the order of a vote's way."""
    parts = list(PROGRAMS)
    ordered = sorted(reports, key=lambda each: (parts.index(each.part), each.process.host, each.process.pid))
    processes = [_process(each, now) for each in ordered]
    heard = {each.program for each in processes if not each.silent}
    return Status(counting, [program for program in PROGRAMS.values() if program not in heard], processes)


def as_text(status: Status) -> str:
    """A tree: programs, their processes, and what is the matter with them."""
    lines = []
    for program in PROGRAMS.values():
        lines.append(f"{program}: nobody is heard" if program in status.missing else program)
        for each in status.processes:
            if each.program == program:
                lines += _lines(each)
    behind, heard = status.counting.behind_bytes, status.counting.heard_ms_ago
    lines.append(
        f"counted numbers: written {'by nobody' if heard is None else f'{heard} ms ago'}, "
        f"{'nobody knows how far' if behind is None else f'{behind} bytes of WAL'} behind"
    )
    return "\n".join(lines) + "\n"


def _process(report: RoadReport, now: float) -> ProcessStatus:
    silent_s = round(max(0.0, now - report.at), 1)
    return ProcessStatus(
        PROGRAMS[report.part],
        report.process.host,
        report.process.pid,
        report.process.version,
        round(report.at - report.process.started_at),
        not report.why_not_ready,
        report.why_not_ready,
        silent_s > SILENT_AFTER_S,
        silent_s,
        report.waiting,
        report.slow_ms,
        report.watching,
        report.lag_s,
        report.trouble.message if report.trouble else "",
        report.trouble.at if report.trouble else "",
    )


def _lines(process: ProcessStatus) -> list[str]:
    state = "ready" if process.ready else "NOT READY"
    if process.silent:
        state = f"SILENT for {process.silent_s:.0f} s, was {state}"
    numbers = {
        "waiting": str(process.waiting or ""),
        "99 of 100 within": f"{process.slow_ms:g} ms" if process.slow_ms is not None else "",
        "watching": str(process.watching or ""),
        "behind": f"{process.lag_s:.1f} s" if process.lag_s is not None else "",
    }
    said = [f"{process.host}:{process.pid}", state, process.version, f"up {_duration(process.up_s)}"]
    lines = ["  " + "  ".join([*said, *(f"{name} {number}" for name, number in numbers.items() if number)])]
    if process.why_not_ready:
        lines.append(f"    why: {process.why_not_ready}")
    if process.trouble:
        lines.append(f"    last trouble at {process.trouble_at}: {process.trouble}")
    return lines


def _duration(seconds: int) -> str:
    hours, rest = divmod(seconds, 3600)
    return f"{hours} h {rest // 60} min" if hours else f"{rest // 60} min {rest % 60} s"
