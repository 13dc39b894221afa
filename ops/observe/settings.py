"""What only the programs of `./ops/up --observe` are told."""

import dataclasses

from contract.settings import Listening, setting


@dataclasses.dataclass(frozen=True, slots=True)
class ExporterListening(Listening):
    """Where the statistics of Postgres and Redis are scraped."""

    port: int = setting("EXPORTER_PORT", 8106, int)


@dataclasses.dataclass(frozen=True, slots=True)
class TracesListening(Listening):
    """Where traces are taken by OTLP and shown."""

    port: int = setting("TRACES_PORT", 4318, int)
