"""A statement whose answer the select loop awaits: so a slow one stops neither reading nor publishing."""

from collections.abc import Iterable, Iterator
from typing import Any

import psycopg
from psycopg import pq

from contract.queries import PositionalStatement

_OK = (pq.ExecStatus.TUPLES_OK, pq.ExecStatus.COMMAND_OK)


class PolledStatement:
    """One statement under way on a connection that does nothing else meanwhile; values and answer are text."""

    def __init__(
        self, connection: psycopg.Connection[Any], statement: PositionalStatement, /, **values: object
    ) -> None:
        self._connection = connection.pgconn
        arguments = [str(value).encode() for value in statement.arguments(**values)]
        self._connection.send_query_params(statement.text.encode(), arguments)

    def poll(self) -> Iterator[list[str]] | None:
        """The rows, or None while there is no answer. Raises psycopg.Error."""
        self._connection.flush()
        self._connection.consume_input()
        if self._connection.is_busy():
            return None
        result = self._connection.get_result()
        while self._connection.get_result():
            pass
        if result is None or result.status not in _OK:
            raise psycopg.errors.error_from_result(result) if result else psycopg.OperationalError("connection lost")
        return _rows(result)


def _rows(result: pq.abc.PGresult) -> Iterator[list[str]]:
    for row in range(result.ntuples):
        yield [(result.get_value(row, column) or b"").decode() for column in range(result.nfields)]


def array(values: Iterable[int]) -> str:
    """An array literal."""
    return "{" + ",".join(map(str, values)) + "}"
