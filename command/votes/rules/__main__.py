"""A dry run: what a rules file would have done in an event, by the evidence that was stored of it.

    DATABASE_URL=postgresql://vote_auditor@… python -m command.votes.rules EVENT_ID --rules changed.toml

Exit code 2: it can't be done, and why.
"""

import argparse
import os
import sys
import uuid
import zlib
from collections.abc import Iterator
from itertools import chain

import msgspec
import psycopg

from command.votes.rules.dry_run import DryRun, dry_run
from command.votes.rules.evidence import EvidenceBlock, unpacked
from command.votes.rules.rule_set import SHIPPED, Action, RuleFileError, RuleSet, read_rules
from contract import path_patience, queries, settings

BLOCKS_PER_FETCH = 100


def evidence_of(connection: psycopg.Connection, event_id: uuid.UUID) -> Iterator[EvidenceBlock]:
    """The blocks of one event as they were stored; raises psycopg.Error, zlib.error, msgspec.MsgspecError."""
    with connection.cursor(name="evidence", binary=True) as cursor:
        cursor.itersize = BLOCKS_PER_FETCH
        cursor.execute(queries.load("audit.sql")["evidence_of_event"], {"event_id": event_id})
        for (block,) in cursor:
            yield unpacked(block)


def report(run: DryRun, rules: RuleSet) -> Iterator[str]:
    """The lines that are printed."""
    yield f"{'rule':<32}{'version':>8}  {'action':<10}{'hits then':>10}{'hits now':>10}"
    for rule in rules.names:
        then, now = run.met_then[rule.name], run.met_now[rule.name]
        yield f"{rule.name:<32}{rule.version:>8}  {rule.action:<10}{then:>10}{now:>10}"
    for name in sorted(run.met_then.keys() - {rule.name for rule in rules.names}):
        yield f"{name:<32}{'':>8}  {'gone':<10}{run.met_then[name]:>10}{0:>10}"
    yield ""
    yield f"{'what became of it':<20}" + "".join(f"{f'would {action.name.lower()}':>18}" for action in Action)
    for outcome in sorted({outcome for outcome, _ in run.verdicts}):
        yield f"{outcome:<20}" + "".join(f"{run.verdicts[outcome, action]:>18}" for action in Action)


def main(arguments: list[str]) -> int:
    """Print what the file would have done; the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m command.votes.rules", description=(__doc__ or "").split("\n", 1)[0]
    )
    parser.add_argument("event_id", type=uuid.UUID)
    parser.add_argument("--rules", default=SHIPPED, help="a TOML file; by default the one that is shipped")
    given = parser.parse_args(arguments)
    try:
        rules = read_rules(given.rules)
        with psycopg.connect(settings.read(settings.Primary, os.environ).url, **path_patience.LIBPQ) as connection:
            blocks = evidence_of(connection, given.event_id)
            first = next(blocks, None)
            if first is None:
                raise LookupError(f"there is no evidence of event {given.event_id}")  # noqa: TRY301  # one way out
            recount = first.counting != rules.counting
            run = dry_run(chain([first], blocks), rules, recount=recount)
    except (settings.SettingError, RuleFileError, OSError, LookupError) as error:
        print(f"rules: {error}", file=sys.stderr)
        return 2
    except (psycopg.Error, zlib.error, msgspec.MsgspecError) as error:
        print(f"rules: the evidence can't be read: {error}", file=sys.stderr)
        return 2
    print(
        f"{run.votes} votes, {'counted anew, as the file counts otherwise' if recount else 'by the counts of then'}\n"
    )
    print("\n".join(report(run, rules)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
