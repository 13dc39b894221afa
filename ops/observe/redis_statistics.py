"""Statistics of Redis, by its INFO."""

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from contract import metric_names
from ops.observe.server_families import Rows
from ops.observe.server_watch import CannotReadError

ANSWER_S_MAX = 2.0
FIELDS = {
    metric_names.REDIS_MEMORY_BYTES: "used_memory",
    metric_names.REDIS_MEMORY_LIMIT_BYTES: "maxmemory",
    metric_names.REDIS_CLIENTS: "connected_clients",
    metric_names.REDIS_COMMANDS: "total_commands_processed",
}


class RedisStatistics:
    """Reads with one connection, which is opened when there is none."""

    def __init__(self, url: str) -> None:
        self._client = redis.Redis.from_url(
            url, socket_timeout=ANSWER_S_MAX, socket_connect_timeout=ANSWER_S_MAX, retry=Retry(NoBackoff(), 0)
        )

    def read(self) -> dict[str, Rows]:
        """Everything that this server tells of it. Raises CannotReadError."""
        try:
            told = self._client.info()
        except redis.RedisError as error:
            raise CannotReadError(str(error)) from error
        return {metric: [(told[field],)] for metric, field in FIELDS.items() if field in told}

    def close(self) -> None:
        """Let go of the connection."""
        self._client.close()
