-- 002 · Check the partitions of all events: one line for each thing that is wrong or wants a hand; none when all is well.
--       An event that is over and wholly detached waits to be dropped: it is listed, but nothing is wrong with it.
-- When:  before a show, each night from cron (exit code 3 when something is wrong), and after any other script. It is silent
--        about what a 004 that still runs has begun.
-- Locks: none that anybody waits for: it reads catalogs and statistics, and no table of votes.
-- Takes: milliseconds for a hundred events.
-- Undo:  nothing to undo.
-- Run:   psql "$DATABASE_URL" -f partitions/002_check.sql   (as superuser or vote_ledger_owner)

\set ON_ERROR_STOP on
SET search_path = public;
SET lock_timeout = '3s';
CREATE TEMPORARY TABLE findings AS
WITH at_work AS MATERIALIZED (  -- events whose lock a 004 holds, or for a moment who opens or closes them
    SELECT objid::bigint AS event_no FROM pg_locks
    WHERE locktype = 'advisory' AND classid = event_lock_class()::oid AND objsubid = 2 AND mode = 'ExclusiveLock' AND granted
      AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
), parts AS (  -- each table that is, or by its name once was, an event's part of the ledger
    SELECT c.oid, c.relname AS part, c.relkind, substring(c.relname FROM '_e(\d+)')::bigint AS event_no,
           substring(c.relname FROM '^(.+)_e\d') AS parent, substring(c.relname FROM '_p(\d+)$')::int AS leaf,
           c.relname ~ '_(old|new)(_p\d+)?$' AS is_left_over, i.inhparent, coalesce(i.inhdetachpending, false) AS is_pending,
           pg_get_expr(c.relpartbound, c.oid) AS bound, age(c.relfrozenxid) AS xid_age, c.reltuples
    FROM pg_class c LEFT JOIN pg_inherits i ON i.inhrelid = c.oid
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
      AND c.relname ~ '^(votes|vote_rejections|vote_evidence)_e\d+(_(old|new))?(_p\d+)?$'
), known AS (
    SELECT parts.*, e.modulus, e.status, e.status IN ('closed', 'cancelled') AS is_over,
           NOT is_left_over AND leaf IS NULL AS is_top,
           bool_or(inhparent IS NOT NULL AND leaf IS NULL) OVER (PARTITION BY event_no) AS is_in_tree,
           e.event_no IN (SELECT at_work.event_no FROM at_work) AS is_at_work
    FROM parts LEFT JOIN events e USING (event_no)
), columns AS NOT MATERIALIZED (
    SELECT attrelid, attnum, attname, format_type(atttypid, atttypmod) AS type,
           coalesce(' DEFAULT ' || pg_get_expr(adbin, adrelid), '') || CASE WHEN attnotnull THEN ' NOT NULL' ELSE '' END AS rules
    FROM pg_attribute LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
    WHERE attnum > 0 AND NOT attisdropped
), changes AS (  -- what would make a detached table like the one that it was taken from
    SELECT event_no, part, parent, string_agg(CASE WHEN had IS NULL THEN format('ADD COLUMN %I %s%s', attname, wanted, rules)
                                           WHEN wanted IS NULL THEN format('DROP COLUMN %I', attname)
                                           ELSE format('ALTER COLUMN %I TYPE %s', attname, wanted) END,
                                      ', ' ORDER BY attnum) AS change
    FROM known k CROSS JOIN LATERAL (
        SELECT attname, own.type AS had, ledger.type AS wanted, ledger.rules, ledger.attnum
        FROM (SELECT * FROM columns WHERE attrelid = k.oid) AS own
        FULL JOIN (SELECT * FROM columns WHERE attrelid = to_regclass(k.parent)) AS ledger USING (attname)
    ) AS pair
    WHERE status IS NOT NULL AND inhparent IS NULL AND NOT is_left_over AND had IS DISTINCT FROM wanted
    GROUP BY event_no, part, parent
), rules AS (  -- the CHECKs without which a detached leaf can't be attached
    SELECT k.part, string_agg(format('ALTER TABLE %I ADD CONSTRAINT %I %s; ', k.part, conname, pg_get_constraintdef(c.oid)), ''
                              ORDER BY conname) AS statements
    FROM known k JOIN pg_constraint c ON c.conrelid = to_regclass('votes_e' || k.event_no) AND c.contype = 'c'
    WHERE k.leaf IS NOT NULL AND k.inhparent IS NULL
      AND NOT EXISTS (SELECT FROM pg_constraint own WHERE own.conrelid = k.oid AND own.conname = c.conname)
    GROUP BY k.part
), wanted AS (
    SELECT e.event_no, e.status, format('%s_e%s', parent, e.event_no) AS part
    FROM events e, unnest('{votes,vote_rejections,vote_evidence}'::text[]) AS parent
    WHERE e.status NOT IN ('closed', 'cancelled')
    UNION ALL
    SELECT e.event_no, e.status, format('votes_e%s_p%s', e.event_no, leaf)
    FROM events e, generate_series(0, e.modulus - 1) AS leaf
    WHERE e.status NOT IN ('closed', 'cancelled') OR to_regclass('votes_e' || e.event_no) IS NOT NULL
)
SELECT event_no, part, 'is detached: archive it by 015 and drop it by 050, or attach it by 030' AS finding, false AS is_wrong
FROM known WHERE is_top AND is_over AND NOT is_in_tree AND NOT is_at_work
UNION ALL
SELECT *, true FROM (
SELECT event_no, part::text, 'is missing: 001 makes it while the event is ' || status AS finding
FROM wanted WHERE to_regclass(part) IS NULL
UNION ALL
SELECT event_no, part, 'is of no event: a state of events was put back, or it was made by hand' FROM known WHERE status IS NULL
UNION ALL
SELECT event_no, part, 'was left by an interrupted 004 or 060: run it again' FROM known
WHERE is_left_over AND leaf IS NULL AND NOT is_at_work
UNION ALL
SELECT event_no, part, 'waits for its detachment to be finished, and keeps others from theirs: run 020 again, or 030 to have it back'
FROM known WHERE is_pending AND NOT is_at_work
UNION ALL
SELECT event_no, part, CASE WHEN is_over THEN 'is detached, but not all of its event: run 020 again, or 030 to have it back'
                            ELSE 'is detached, so votes are refused: attach it by 030' END
FROM known WHERE is_top AND inhparent IS NULL AND (is_in_tree OR NOT is_over) AND NOT is_at_work
UNION ALL
SELECT event_no, part, format('has other columns than %s, since no migration comes to it: ALTER TABLE %I %s', parent, part, change)
FROM changes
UNION ALL
SELECT event_no, part, format('is detached from votes_e%1$s: %2$sALTER TABLE votes_e%1$s ATTACH PARTITION %3$I '
                              'FOR VALUES WITH (MODULUS %4$s, REMAINDER %5$s)', event_no, statements, part, modulus, leaf)
FROM known LEFT JOIN rules USING (part) WHERE inhparent IS NULL AND NOT is_left_over AND leaf < modulus
UNION ALL
SELECT event_no, part, format('has the bound "%s", its event the modulus %s', bound, modulus)
FROM known
WHERE leaf IS NOT NULL AND NOT is_left_over AND (inhparent IS NOT NULL OR leaf >= modulus)
  AND bound IS DISTINCT FROM format('FOR VALUES WITH (modulus %s, remainder %s)', modulus, leaf)
UNION ALL
SELECT event_no, part, 'has no valid index to look up by'
FROM known k
WHERE NOT is_left_over AND NOT EXISTS (
    SELECT FROM pg_index x WHERE x.indrelid = k.oid AND x.indisvalid AND x.indisready
      AND (x.indisprimary OR k.parent = 'vote_evidence'))
UNION ALL
SELECT event_no, part, format('has an index that is not valid: %s', x.indexrelid::regclass)
FROM known k JOIN pg_index x ON x.indrelid = k.oid WHERE NOT (x.indisvalid AND x.indisready)
UNION ALL
SELECT event_no, part, format('holds about %s rows and was last analysed with %s: run 012', s.n_live_tup, greatest(k.reltuples, 0))
FROM known k JOIN pg_stat_user_tables s ON s.relid = k.oid
WHERE k.is_over AND k.relkind = 'r' AND s.n_live_tup > 50000 AND k.reltuples < 0.5 * s.n_live_tup
UNION ALL
SELECT event_no, part, format('is bloated: about %s dead rows beside %s', s.n_dead_tup, s.n_live_tup)
FROM known k JOIN pg_stat_user_tables s ON s.relid = k.oid
WHERE k.relkind = 'r' AND s.n_dead_tup > 10000 AND s.n_dead_tup > 0.1 * s.n_live_tup
UNION ALL
SELECT event_no, part, format('is %s transactions old: run 012, before Postgres freezes it at a moment of its own', xid_age)
FROM known WHERE relkind = 'r' AND xid_age > 0.8 * current_setting('autovacuum_freeze_max_age')::int
) AS wrong;
SELECT event_no, part, finding FROM findings ORDER BY event_no, part, finding;
SELECT count(*) > 0 AS is_wrong, 'findings: ' || count(*) AS why FROM findings WHERE is_wrong \gset
\if :is_wrong
  \ir steps/stop.sql
\endif
