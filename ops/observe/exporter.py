"""Lets Prometheus scrape what Postgres and Redis say of themselves, and how old the backups are. One small process of
ours, since Debian's exporters aren't everywhere, and the embedded stack needs nothing that isn't. A server that is away
costs its own metrics alone.

python -m ops.observe.exporter
"""

import logging
import os
import signal
import sys
import threading

from prometheus_client import REGISTRY, start_http_server

from contract import metering, settings
from contract.log_settings import Logs
from contract.telemetry import start_logging
from ops.backups.settings import BackupPlace
from ops.observe.backup_statistics import BackupStatistics
from ops.observe.postgres_statistics import PostgresStatistics
from ops.observe.redis_statistics import RedisStatistics
from ops.observe.server_families import BACKUPS, POSTGRES, REDIS
from ops.observe.server_watch import ServerWatch
from ops.observe.settings import ExporterListening

log = logging.getLogger("exporter")


def main() -> int:
    """Until SIGTERM or SIGINT; exit code 2 with one line when a setting is wrong."""
    try:
        start_logging("exporter", settings.read(Logs, os.environ))
        watches = [
            ServerWatch(POSTGRES, PostgresStatistics(settings.read(settings.Primary, os.environ).url)),
            ServerWatch(REDIS, RedisStatistics(settings.read(settings.Redis, os.environ).url)),
        ]
        if folder := settings.read(BackupPlace, os.environ).folder:
            watches.append(ServerWatch(BACKUPS, BackupStatistics(folder)))
        listening = settings.read(ExporterListening, os.environ)
    except settings.SettingError as error:
        print(f"exporter: {error}", file=sys.stderr)
        return 2
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    metering.introduce("exporter", measuring=True)
    for watch in watches:
        REGISTRY.register(watch)
        watch.start()
    start_http_server(listening.port, listening.host)
    metering.READY.set(1)
    log.info("serving")
    stop.wait()
    for watch in watches:
        watch.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
