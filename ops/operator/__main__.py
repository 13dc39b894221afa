"""The operator's command line, with the use cases and the logs of the calls by HTTP.

./ops/admin [--json] VERB …        the running stack of DATA_DIR
python -m ops.operator …           whatever the environment leads to
"""

import argparse
import asyncio
import os
import sys
from collections.abc import Mapping, Sequence

import orjson
import psycopg

from command.identity.signing_keys import NextKeyWaitsError
from contract import settings
from contract.errors import ContractError
from ops.operator import canary_verbs, event_verbs, identity_verbs, staff_verbs
from ops.operator.office import Office
from ops.operator.verb import Row, Verb

VERBS = (*staff_verbs.VERBS, *event_verbs.VERBS, *identity_verbs.VERBS, *canary_verbs.VERBS)


def parser() -> argparse.ArgumentParser:
    """The command line, made of the verbs."""
    line = argparse.ArgumentParser(prog="./ops/admin", description="Runs the show beside the database.")
    line.add_argument("--json", action="store_true", help="a JSON object a line, for scripts")
    tasks = line.add_subparsers(title="verbs", required=True, metavar="VERB")
    for verb in VERBS:
        task = tasks.add_parser(verb.name, help=verb.help)
        for word in verb.words:
            task.add_argument(word.name, help=word.help, **word.settings)
        task.set_defaults(verb=verb)
    return line


async def run(verb: Verb, given: argparse.Namespace, env: Mapping[str, str]) -> None:
    """Do it and print its rows: as JSON as they come, or as a table in the end."""
    rows = []
    async with Office(env) as office:
        async for row in verb.run(office, given):
            if given.json:
                sys.stdout.write(orjson.dumps(row).decode() + "\n")
            else:
                rows.append(row)
    sys.stdout.write(table(rows))


def table(rows: Sequence[Row]) -> str:
    """Rows in columns; a line of names wherever these change."""
    text = ""
    names: tuple[str, ...] = ()
    widths: dict[str, int] = {}
    for row in rows:
        for name, value in row.items():
            widths[name] = max(widths.get(name, len(name)), len(_said(value)))
    for row in rows:
        if tuple(row) != names:
            names = tuple(row)
            text += "  ".join(name.ljust(widths[name]) for name in names).rstrip() + "\n"
        text += "  ".join(_said(value).ljust(widths[name]) for name, value in row.items()).rstrip() + "\n"
    return text


def _said(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, list):
        return ",".join(map(_said, value))
    return orjson.dumps(value).decode() if isinstance(value, dict) else str(value)


def main() -> int:
    """The exit code: 1 with one line when it can't be done, 2 when it or a setting is wrong."""
    given = parser().parse_args()
    try:
        asyncio.run(run(given.verb, given, os.environ))
    except settings.SettingError as error:
        sys.stderr.write(f"admin: {error}\n")
        return 2
    except (ContractError, NextKeyWaitsError, psycopg.Error, OSError) as error:
        sys.stderr.write(f"admin: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
