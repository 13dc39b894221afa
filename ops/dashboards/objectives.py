"""What the service promises, in seconds and shares: lines in the dashboards; ops/alerts.yml holds the same figures."""

ANSWERED = 0.9995  # of requests, by something better than a 5xx
ACK_S = 0.05  # received to acked, p95
WRITE_S = 0.15  # a vote's answer, p99
READ_S = 0.2  # a leaderboard's answer, p99
TALLY_S = 0.2  # committed to tallied, p99
SCREEN_P95_S = 0.5  # committed to delivered, p95
SCREEN_P99_S = 1.0  # the same, p99
MEMORY_SHARE = 0.75  # of Redis' limit
