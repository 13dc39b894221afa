"""./ops/bench NAME …: the figures of this project, each as a ratio measured in one run on one machine."""

import sys

from ops.benches import (
    audit_bench,
    e2e_bench,
    events_bench,
    fanout_bench,
    growth_bench,
    http_bench,
    identity_bench,
    ledger_bench,
    migrations_bench,
    overload_bench,
    partitions_bench,
    replica_bench,
    scale_bench,
    sse_bench,
)

BENCHES = {
    "ledger": ledger_bench.main,
    "growth": growth_bench.main,
    "events": events_bench.main,
    "replica": replica_bench.main,
    "scale": scale_bench.main,
    "migrations": migrations_bench.main,
    "partitions": partitions_bench.main,
    "audit": audit_bench.main,
    "fanout": fanout_bench.main,
    "http": http_bench.main,
    "overload": overload_bench.main,
    "sse": sse_bench.main,
    "identity": identity_bench.main,
    "e2e": e2e_bench.main,
}


def main(arguments: list[str]) -> int:
    """Run the bench that is named; exit code 2 with their names when there is none."""
    if not arguments or arguments[0] not in BENCHES:
        print(f"usage: ./ops/bench {'|'.join(BENCHES)} […]", file=sys.stderr)
        return 2
    return BENCHES[arguments[0]](arguments[1:])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
