"""What only the audit tool is told, and only of what is on air: ./ops/audit --live."""

import dataclasses

from contract import production
from contract.settings import origin, setting


@dataclasses.dataclass(frozen=True, slots=True)
class Live:
    """A login at the primary that may follow its WAL (vote_fanout's; no auditor may), and the query server.

    Without a query server no results are looked at.
    """

    url: str = setting("LIVE_DATABASE_URL", secret=True, check=production.certified_postgres)
    query_url: str = setting("QUERY_URL", "", origin, check=production.certified_http)
