"""The fanout process: leads while the slot is ours, waits hot while it is another's, survives Postgres and Redis.

python -m fanout            counts until SIGTERM
"""

import logging
import os
import signal
import sys
import threading
import time

import psycopg

from contract import settings, tracing
from contract.backoff import Backoff
from contract.log_settings import Logs
from contract.shown_settings import RememberingEnvironment
from contract.telemetry import log_start, start_logging
from contract.trace_settings import Tracing
from fanout import vitals
from fanout.checkpoint import FencedError
from fanout.redis_writer import RedisWriter
from fanout.road_reporter import RoadReporter
from fanout.session import Session
from fanout.settings import Fanout, FanoutListening
from fanout.takeover import take_over
from fanout.vitals import Vitals

log = logging.getLogger("fanout")

BACKOFF_S = (0.1, 5.0)
STEADY_S = 10.0  # a session that lasted so long was no failure to connect


def count_until(stop: threading.Event, url: str, own: Fanout, writer: RedisWriter, health: Vitals) -> None:
    """Session after session, each from what is stored; the pause between failures grows."""
    backoff = Backoff(*BACKOFF_S)
    while not stop.is_set():
        began = time.monotonic()
        health.note_pass()
        try:
            with take_over(url, own, writer, stop, health) as lead:
                health.why_not_ready = "counting what was missed"
                try:
                    Session(lead, own, writer, health).run(stop)
                finally:
                    vitals.end_session()
        except (psycopg.Error, FencedError, OSError) as error:
            if time.monotonic() - began > STEADY_S:
                backoff.reset()
            pause_s = backoff.next_s()
            health.why_not_ready = str(error)
            extra = {"reason": str(error), "failures": backoff.failures}
            log.warning("the session ended, will begin another", extra=extra)
            stop.wait(pause_s)


def main() -> int:
    """Run; exit code 2 with one line when a setting is wrong."""
    env = RememberingEnvironment(os.environ)
    try:
        start_logging("fanout", settings.read(Logs, env))
        url = settings.read(settings.Primary, env).url
        own = settings.read(Fanout, env)
        redis_url = settings.read(settings.Redis, env).url
        listening = settings.read(FanoutListening, env)
        measuring = settings.read(settings.Metering, env).on
        traces = settings.read(Tracing, env)
    except settings.SettingError as error:
        print(f"fanout: {error}", file=sys.stderr)  # for people, before there is anything to log
        return 2
    log_start(env)
    stop, health, writer = threading.Event(), Vitals(own.lag_max_ms / 1000), RedisWriter(redis_url)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    tracing.start("fanout", traces)
    health.serve(listening.host, listening.port, measuring=measuring)
    RoadReporter(redis_url, health).start()
    log.info("serving", extra={"source": own.source, "slot": own.slot})
    count_until(stop, url, own, writer, health)
    writer.close()
    tracing.TRACER.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
