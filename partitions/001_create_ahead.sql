-- 001 · Make what an event lacks before it is voted in. An event's tables are made with it, in one transaction, so there is
--       no calendar of partitions to keep ahead of: this repairs what a half-restored backup or a slip has left out.
-- When:  before a show, or each night from cron. Does nothing when every event that can be voted in has all its tables.
--        A table that is there but detached is not touched: attach it by 030.
-- Locks: SHARE UPDATE EXCLUSIVE on votes, vote_rejections and vote_evidence, which voting and reading don't wait for;
--        ACCESS EXCLUSIVE on the new tables only.
-- Takes: milliseconds for each table; gives up after 3 s when another DBA holds a lock.
-- Undo:  nothing to undo: without these tables the event doesn't open.
-- Run:   psql "$DATABASE_URL" -f partitions/001_create_ahead.sql   (as superuser or vote_ledger_owner)

\set ON_ERROR_STOP on
SET search_path = public;
SET lock_timeout = '3s';
SET ROLE vote_ledger_owner;

-- Each row is one transaction: \gexec runs its columns one after the other.
SELECT 'BEGIN', format('CREATE TABLE %I (LIKE votes INCLUDING DEFAULTS INCLUDING CONSTRAINTS, PRIMARY KEY (event_no, voter))
                        PARTITION BY HASH (voter)', 'votes_e' || event_no),
       format('ALTER TABLE votes ATTACH PARTITION %I FOR VALUES IN (%s)', 'votes_e' || event_no, event_no), 'COMMIT'
FROM events WHERE status IN ('draft', 'scheduled', 'open', 'paused') AND to_regclass('votes_e' || event_no) IS NULL
ORDER BY event_no \gexec

SELECT 'BEGIN', format('CREATE TABLE %I (LIKE votes INCLUDING DEFAULTS INCLUDING CONSTRAINTS, PRIMARY KEY (event_no, voter))', leaf),
       format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES WITH (MODULUS %s, REMAINDER %s)',
              'votes_e' || event_no, leaf, modulus, remainder), 'COMMIT'
FROM events, generate_series(0, modulus - 1) AS remainder, format('votes_e%s_p%s', event_no, remainder) AS leaf
WHERE status IN ('draft', 'scheduled', 'open', 'paused') AND to_regclass(leaf) IS NULL
ORDER BY event_no, remainder \gexec

SELECT 'BEGIN', format('CREATE TABLE %I (LIKE vote_rejections INCLUDING DEFAULTS INCLUDING CONSTRAINTS,
                        PRIMARY KEY (event_no, voter, kind))', 'vote_rejections_e' || event_no),
       format('ALTER TABLE vote_rejections ATTACH PARTITION %I FOR VALUES IN (%s)', 'vote_rejections_e' || event_no, event_no),
       'COMMIT'
FROM events WHERE status IN ('draft', 'scheduled', 'open', 'paused') AND to_regclass('vote_rejections_e' || event_no) IS NULL
ORDER BY event_no \gexec

SELECT format('SELECT create_evidence_partition(%s)', event_no)
FROM events WHERE status IN ('draft', 'scheduled', 'open', 'paused') AND to_regclass('vote_evidence_e' || event_no) IS NULL
ORDER BY event_no \gexec
