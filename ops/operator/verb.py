"""What a verb of the command line is: one line of a table beside the functions that do it."""

import argparse
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

from ops.operator.office import Office

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Word:
    """A word that a verb takes: `name` as argparse has it, and its other settings."""

    name: str
    help: str
    settings: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Verb:
    """What it does is a generator of rows, which the command line prints as they come."""

    name: str
    help: str
    run: Callable[[Office, argparse.Namespace], AsyncIterator[Row]]
    words: tuple[Word, ...] = ()
