"""The metrics of what can't be scraped itself, Postgres, Redis and backups: their names, labels and meaning.

They aren't counted here but read, so they are families of a custom collector, made anew for each reading.
"""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

from contract import metric_names

Rows = Sequence[tuple[object, ...]]  # label values, and the value at the end
Reading = Mapping[str, Rows]  # by the metric's name


@dataclasses.dataclass(frozen=True)
class Family:
    """One metric of a server; a counter's name stands without `_total`."""

    name: str
    meaning: str
    labels: tuple[str, ...] = ()
    kind: str = "gauge"

    def filled(self, rows: Rows) -> GaugeMetricFamily | CounterMetricFamily:
        """This metric with these values."""
        made = CounterMetricFamily if self.kind == "counter" else GaugeMetricFamily
        family = made(self.name, self.meaning, labels=self.labels)
        for *labels, value in rows:
            family.add_metric([str(label) for label in labels], float(str(value)))
        return family


@dataclasses.dataclass(frozen=True)
class Server:
    """What is told of one server: `up` is 1 while it is being read, and only then there are the others."""

    up: Family
    families: tuple[Family, ...]

    def filled(self, reading: Reading | None) -> Iterator[GaugeMetricFamily | CounterMetricFamily]:
        """Its metrics by a reading; None: it couldn't be read."""
        yield self.up.filled([(int(reading is not None),)])
        if reading is not None:
            yield from (family.filled(reading[family.name]) for family in self.families if family.name in reading)


POSTGRES = Server(
    Family(metric_names.PG_UP, "Whether the ledger's Postgres answers"),
    (
        Family(metric_names.PG_STANDBYS, "Physical standbys by their state", ("state", "sync_state")),
        Family(metric_names.PG_SLOT_RETAINED_BYTES, "WAL that a replication slot keeps", ("slot",)),
        Family(metric_names.PG_CONNECTIONS, "Connections of clients by their state", ("state",)),
        Family(metric_names.PG_OLDEST_TRANSACTION_SECONDS, "Age of the oldest transaction of a client"),
        Family(metric_names.PG_DATABASE_BYTES, "Size of the ledger's database on disk"),
        Family(metric_names.PG_WAL_BYTES, "WAL written since the cluster was made", kind="counter"),
        Family(metric_names.PG_DEADLOCKS, "Deadlocks in the ledger's database", kind="counter"),
        Family(metric_names.PG_AUTOVACUUM_RUNNING, "Workers of autovacuum that run"),
        Family(metric_names.PG_PARTITIONS, "Leaves of partitioned tables"),
    ),
)
BACKUPS = Server(
    Family(metric_names.BACKUP_UP, "Whether the folder of backups can be read"),
    (
        Family(metric_names.BACKUP_LAST_UNIX_SECONDS, "When the newest verified backup was finished"),
        Family(metric_names.BACKUP_WAL_UNIX_SECONDS, "When WAL was written to the archive last"),
        Family(metric_names.BACKUP_FREE_BYTES, "Room that is left for backups"),
    ),
)
REDIS = Server(
    Family(metric_names.REDIS_UP, "Whether Redis answers"),
    (
        Family(metric_names.REDIS_MEMORY_BYTES, "Memory that Redis uses"),
        Family(metric_names.REDIS_MEMORY_LIMIT_BYTES, "Memory that Redis may use, 0 without a limit"),
        Family(metric_names.REDIS_CLIENTS, "Connections to Redis"),
        Family(metric_names.REDIS_COMMANDS, "Commands that Redis has processed", kind="counter"),
    ),
)
