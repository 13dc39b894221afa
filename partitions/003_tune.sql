-- 003 · Set how the tables of one event are stored and tended; the settings aren't inherited, so each leaf has its own.
--       fillfactor 100: rows are never changed, so no page need keep room. insert_threshold -1: autovacuum doesn't read a
--       leaf over and over while it fills; 012 does so once, after the close. (Postgres still freezes it in an emergency.)
-- When:  after the event was made and before it opens; for tablespace (another disk) never while it is open.
--        ./ops/replica and ./ops/backup copy no server that has a tablespace of its own ("exists but is not empty"), and a
--        standby on the same machine would write into the same folder: partitions/README.md says what to do.
-- Locks: SHARE UPDATE EXCLUSIVE on each leaf, which voting and reading don't wait for. With tablespace: ACCESS EXCLUSIVE
--        on one leaf of this event at a time while it is copied; refused while the event is open or paused.
-- Takes: milliseconds; with tablespace a copy of the event (seconds per ten million votes).
-- Undo:  -v fillfactor=100 -v insert_threshold=1000 -v analyze_scale=0.1 -v tablespace=pg_default
-- Run:   psql "$DATABASE_URL" -v event_no=7 -f partitions/003_tune.sql   (as superuser or vote_ledger_owner; with tablespace
--        as superuser, or after GRANT CREATE ON TABLESPACE NAME TO vote_ledger_owner)
--        and of these what you want otherwise: -v fillfactor=100 -v insert_threshold=-1 -v analyze_scale=0.5 -v tablespace=NAME

\set ON_ERROR_STOP on
SET search_path = public;
SET lock_timeout = '3s';
\set needs event_no
\ir steps/given.sql
\ir steps/has_votes.sql
\if :{?fillfactor}
\else
  \set fillfactor 100
\endif
\if :{?insert_threshold}
\else
  \set insert_threshold -1
\endif
\if :{?analyze_scale}
\else
  \set analyze_scale 0.5
\endif
SELECT format('ALTER TABLE %s SET (fillfactor = %s, autovacuum_vacuum_insert_threshold = %s, autovacuum_analyze_scale_factor = %s)',
              inhrelid::regclass, :fillfactor, :insert_threshold, :analyze_scale)
FROM pg_inherits WHERE inhparent = to_regclass('votes_e' || :event_no) ORDER BY inhrelid \gexec
\if :{?tablespace}
  SELECT status IN ('open', 'paused') AS is_live FROM events WHERE event_no = :event_no \gset
  \if :is_live
    \set why 'event ' :event_no ' is open: its tables are not moved'
    \ir steps/stop.sql
  \endif
  SELECT format('ALTER TABLE %s SET TABLESPACE %I', inhrelid::regclass, :'tablespace'),
         format('ALTER INDEX %s SET TABLESPACE %I', indexrelid::regclass, :'tablespace')
  FROM pg_inherits JOIN pg_index ON indrelid = inhrelid
  WHERE inhparent = to_regclass('votes_e' || :event_no) ORDER BY inhrelid \gexec
\endif
