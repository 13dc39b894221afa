"""The names of all metrics, each with its unit where it has one, and the bounds of their buckets.

One prefix, so that one rule of a scraper finds all of them and nothing else. A counter stands here without the `_total`
of its samples. ops/METRICS.md says what each counts; what no process of ours exports doesn't stand here.
"""

# every process
BUILD_INFO = "vote_build_info"
READY = "vote_ready"
LOG_LINES = "vote_log_lines"
LOG_LINES_LOST = "vote_log_lines_lost"
TRACE_SPANS = "vote_trace_spans"

# every HTTP process
HTTP_ANSWERS = "vote_http_answers"
HTTP_SECONDS = "vote_http_seconds"
HTTP_INSIDE = "vote_http_inside"
REVOKED_SESSIONS = "vote_revoked_sessions"
REVOCATIONS_HEARD_UNIX_SECONDS = "vote_revocations_heard_unix_seconds"

# a vote's way, each process its own stages
STAGE_SECONDS = "vote_stage_seconds"

# command
CHANGES_HEARD_UNIX_SECONDS = "vote_changes_heard_unix_seconds"
OUTCOMES = "vote_outcomes"
ACCEPTED = "vote_accepted"
REFUSALS = "vote_refusals"
QUEUE_VOTES = "vote_queue_votes"
QUEUE_WAIT_SECONDS = "vote_queue_wait_seconds"
BATCH_VOTES = "vote_batch_votes"
BATCH_SECONDS = "vote_batch_seconds"
BATCH_RETRIES = "vote_batch_retries"
UNKNOWN_OUTCOMES = "vote_unknown_outcomes"
LIMITED = "vote_limited"
CAPTCHAS = "vote_captchas"
RULE_HITS = "vote_rule_hits"
EVIDENCE_STORED = "vote_evidence_stored"
EVIDENCE_DROPPED = "vote_evidence_dropped"
COUNTS_UNSHARED = "vote_counts_unshared"

# fanout
FANOUT_ROWS = "vote_fanout_rows"
FANOUT_COMMITS = "vote_fanout_commits"
FANOUT_FLUSHES = "vote_fanout_flushes"
FANOUT_FLUSH_SECONDS = "vote_fanout_flush_seconds"
FANOUT_CHECKPOINT_SECONDS = "vote_fanout_checkpoint_seconds"
FANOUT_CHECKPOINT_UNIX_SECONDS = "vote_fanout_checkpoint_unix_seconds"
FANOUT_LAG_BYTES = "vote_fanout_lag_bytes"
FANOUT_LAG_SECONDS = "vote_fanout_lag_seconds"
FANOUT_SLOT_RETAINED_BYTES = "vote_fanout_slot_retained_bytes"
FANOUT_SLOT_SAFE_BYTES = "vote_fanout_slot_safe_bytes"
FANOUT_REDIS_FAILURES = "vote_fanout_redis_failures"
FANOUT_REBUILDS = "vote_fanout_rebuilds"
FANOUT_REPAIRS = "vote_fanout_repairs"

# sse
STREAM_SUBSCRIBERS = "vote_stream_subscribers"
STREAM_DELIVERIES = "vote_stream_deliveries"
STREAM_SKIPPED_SNAPSHOTS = "vote_stream_skipped_snapshots"
STREAM_CUT_CLIENTS = "vote_stream_cut_clients"

# query
REPLICA_BEHIND_SECONDS = "vote_replica_behind_seconds"

# identity
LOGIN_QUEUE = "vote_login_queue"
PASSWORD_SECONDS = "vote_password_seconds"  # noqa: S105  # a duration
LOGIN_ATTEMPTS_REFUSED = "vote_login_attempts_refused"
LOGIN_ATTEMPTS_UNLIMITED = "vote_login_attempts_unlimited"
LOGINS = "vote_logins"
TOKEN_REFRESHES = "vote_token_refreshes"  # noqa: S105  # how many
ISSUER_KEY_FETCHES = "vote_issuer_key_fetches"
MAILS = "vote_mails"
MAILS_WAITING = "vote_mails_waiting"
DISPOSABLE_MAIL_DOMAINS_RELEASED_UNIX_SECONDS = "vote_disposable_mail_domains_released_unix_seconds"

# synthetic votes (ops/synthetic)
SYNTHETIC_VOTES = "vote_synthetic_votes"
SYNTHETIC_STAGE_SECONDS = "vote_synthetic_stage_seconds"
SYNTHETIC_PER_HOUR = "vote_synthetic_per_hour"
SYNTHETIC_LAST_SEEN_UNIX_SECONDS = "vote_synthetic_last_seen_unix_seconds"
# of ./ops/audit --metrics, for node_exporter
AUDIT_FINDINGS = "vote_audit_findings"
# the exporter, of Postgres, Redis and backups
PG_UP = "vote_pg_up"
PG_STANDBYS = "vote_pg_standbys"
PG_SLOT_RETAINED_BYTES = "vote_pg_slot_retained_bytes"
PG_CONNECTIONS = "vote_pg_connections"
PG_OLDEST_TRANSACTION_SECONDS = "vote_pg_oldest_transaction_seconds"
PG_DATABASE_BYTES = "vote_pg_database_bytes"
PG_WAL_BYTES = "vote_pg_wal_bytes"
PG_DEADLOCKS = "vote_pg_deadlocks"
PG_AUTOVACUUM_RUNNING = "vote_pg_autovacuum_running"
PG_PARTITIONS = "vote_pg_partitions"
BACKUP_UP = "vote_backup_up"
BACKUP_LAST_UNIX_SECONDS = "vote_backup_last_unix_seconds"
BACKUP_WAL_UNIX_SECONDS = "vote_backup_wal_unix_seconds"
BACKUP_FREE_BYTES = "vote_backup_free_bytes"
REDIS_UP = "vote_redis_up"
REDIS_MEMORY_BYTES = "vote_redis_memory_bytes"
REDIS_MEMORY_LIMIT_BYTES = "vote_redis_memory_limit_bytes"
REDIS_CLIENTS = "vote_redis_clients"
REDIS_COMMANDS = "vote_redis_commands"

# Up to each bound, in seconds. What is promised (50, 100, 150, 200, 500 ms, 1 s) is a bound, so that the share of those
# within it is exact.
STAGE_BOUNDS_S = (
    *(0.001, 0.0025, 0.005, 0.01, 0.02, 0.03, 0.05, 0.075),
    *(0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1, 2, 5, 10, 30, 60),
)
QUEUE_WAIT_BOUNDS_S = (0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5)
WRITE_BOUNDS_S = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5)
PASSWORD_BOUNDS_S = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5)
BATCH_BOUNDS_VOTES = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
