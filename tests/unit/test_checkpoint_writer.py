"""When a checkpoint that Postgres doesn't answer is noticed."""

import psycopg
import pytest

from contract.position import Position
from fanout import checkpoint_writer
from fanout.checkpoint_writer import CheckpointWriter
from fanout.tally import Tally


def test_a_look_on_an_idle_source_is_not_stuck(monkeypatch: pytest.MonkeyPatch) -> None:
    """What counts is how long the statement under way has waited, however long ago anything was stored."""

    class Unanswered:
        def __init__(self, *_: object, **__: object) -> None: ...

    monkeypatch.setattr(checkpoint_writer, "PolledStatement", Unanswered)
    writer = CheckpointWriter(psycopg.Connection.__new__(psycopg.Connection), "a_slot", 1, None)
    assert writer.waited_s(500.0) == 0.0
    writer.look(Tally("main", 1, Position(1, 1, 1), {}), 500.0)
    assert writer.waited_s(500.5) == 0.5
