"""Synthetic votes through the edge, each followed to the stream and the leaderboard.

./ops/synthetic                           1,000 an hour for ever, with metrics at SYNTHETIC_PORT
./ops/synthetic --votes 1000 --at-once    as fast as there is room, and a table of stages in the end

Exit code 0 when all were seen, or when it was told to end; 1 when one wasn't, with --strict also when an objective was
missed; 2 when it can't begin. For ever ends by itself when no canary is left who could vote, with 0: whoever supervises
it makes the next event (./ops/admin canaries) and starts it again.
"""

import argparse
import asyncio
import contextlib
import logging
import os
import signal
import sys
from collections.abc import Mapping

import orjson

from contract import metering, settings
from contract.log_settings import Logs
from contract.telemetry import start_logging
from ops.canary.canary_file import CanaryEvent, CanaryFile
from ops.canary.edge_client import EdgeClient, session
from ops.canary.journey import Journeys, Outcome
from ops.canary.metrics_page import metrics_page
from ops.canary.prober import Prober, UsedUpError
from ops.canary.road_watchers import EventOverError
from ops.canary.settings import Probing, at_least_one
from ops.canary.stage_table import summary, table

log = logging.getLogger("ops.canary")


class CannotBeginError(Exception):
    """What is missing, in one line."""


def command_line() -> argparse.ArgumentParser:
    """Its words."""
    line = argparse.ArgumentParser(prog="./ops/synthetic", description=__doc__.splitlines()[0])
    line.add_argument("--url", help="the edge (SYNTHETIC_URL)")
    line.add_argument("--per-hour", help="how many votes an hour (SYNTHETIC_PER_HOUR)")
    line.add_argument("--votes", type=at_least_one, help="end after so many, with a table; without it: never")
    line.add_argument("--at-once", action="store_true", help="with --votes: at no pace, as fast as there is room")
    line.add_argument(
        "--strict", action="store_true", help="with --votes: exit code 1 also when an objective was missed"
    )
    line.add_argument("--json", action="store_true", help="with --votes: the table as one JSON object")
    return line


async def run(probing: Probing, file: CanaryFile, given: argparse.Namespace) -> Journeys:
    """Send and follow until it is over; SIGTERM and SIGINT end it. Raises `CannotBeginError`."""
    event = _event(file, given.votes or 1)
    serving = contextlib.nullcontext() if given.votes else metrics_page(probing.host, probing.port)
    async with session(probing.url) as http, serving:
        prober = Prober(probing, EdgeClient(http), file, event)
        begun = {"event_id": event.event_id, "votes_left": file.votes_left(), "url": probing.url}
        log.info("probing", extra=begun | {"per_hour": None if given.at_once else probing.per_hour})
        task = asyncio.create_task(prober.run(given.votes, at_once=given.at_once))
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, task.cancel)
        try:
            await task
        except asyncio.CancelledError:
            pass
        except (UsedUpError, EventOverError) as error:
            print(f"synthetic: {error}", file=sys.stderr)
    return prober.journeys


def _event(file: CanaryFile, votes: int) -> CanaryEvent:
    event, left = file.event(), file.votes_left()
    if event is None or left < votes:
        raise CannotBeginError(f"{left} canaries can vote: make more by ./ops/admin canaries (--voters, --at-least)")
    return event


def report(journeys: Journeys, given: argparse.Namespace) -> int:
    """Print what became of the votes; the exit code."""
    content = summary(journeys)
    print(orjson.dumps(content).decode() if given.json else table(content))
    lost = journeys.outcomes[Outcome.SEEN] < given.votes
    return int(lost or (given.strict and bool(content["missed"])))


def main(env: Mapping[str, str] = os.environ) -> int:
    """The exit code."""
    given = command_line().parse_args()
    metering.introduce("synthetic", measuring=True)
    try:
        start_logging("synthetic", settings.read(Logs, env))
        told = {"SYNTHETIC_URL": given.url, "SYNTHETIC_PER_HOUR": given.per_hour}
        probing = settings.read(Probing, {**env, **{name: value for name, value in told.items() if value}})
        with CanaryFile(probing.file) as file:
            journeys = asyncio.run(run(probing, file, given))
    except (settings.SettingError, CannotBeginError, OSError) as error:
        print(f"synthetic: {error}", file=sys.stderr)
        return 2
    return report(journeys, given) if given.votes else 0


if __name__ == "__main__":
    sys.exit(main())
