"""Statistics of the ledger's Postgres, by one connection of its own and statements that are cut off after a moment."""

import logging
import time

import psycopg

from contract import metric_names, path_patience, queries
from ops.observe.server_families import POSTGRES, Rows
from ops.observe.server_watch import CannotReadError

STATEMENT_MS_MAX = 2_000
CONNECT_S_MAX = 3
SELDOM = {
    metric_names.PG_DATABASE_BYTES,
    metric_names.PG_PARTITIONS,
}  # they look at each file, or at the whole catalogue
SELDOM_S = 60.0

log = logging.getLogger(__name__)


class PostgresStatistics:
    """Reads with one connection, which is opened when there is none."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._statements = queries.load("monitor.sql")
        self._connection: psycopg.Connection | None = None
        self._seldom: dict[str, Rows] = {}
        self._seldom_at = -SELDOM_S

    def read(self) -> dict[str, Rows]:
        """Everything that can be read now; a statement that took too long is left out. Raises CannotReadError."""
        try:
            self._connection = connection = self._connection or self._connect()
            if time.monotonic() - self._seldom_at >= SELDOM_S:
                self._seldom, self._seldom_at = self._ask(connection, seldom=True), time.monotonic()
            return self._ask(connection, seldom=False) | self._seldom
        except psycopg.Error as error:
            self.close()
            raise CannotReadError(str(error).strip()) from error

    def close(self) -> None:
        """Let go of the connection."""
        if self._connection:
            self._connection.close()
        self._connection = None

    def _ask(self, connection: psycopg.Connection, *, seldom: bool) -> dict[str, Rows]:
        reading: dict[str, Rows] = {}
        for family in POSTGRES.families:
            if (family.name in SELDOM) == seldom:
                try:
                    reading[family.name] = connection.execute(self._statements[family.name].encode()).fetchall()
                except psycopg.errors.QueryCanceled:
                    log.warning("a statistic took too long", extra={"metric": family.name})
        return reading

    def _connect(self) -> psycopg.Connection:
        return psycopg.connect(
            self._url,
            autocommit=True,
            connect_timeout=CONNECT_S_MAX,
            **path_patience.LIBPQ,
            application_name="vote_exporter",
            options=f"-c statement_timeout={STATEMENT_MS_MAX}",
        )
