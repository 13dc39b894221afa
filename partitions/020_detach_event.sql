-- 020 · Take a closed event's votes out of the ledger's tree, to archive or drop them; other events aren't touched.
-- When:  after the event has closed and its tallies are final. Refuses an event that is not closed or cancelled.
-- Locks: SHARE UPDATE EXCLUSIVE on votes, which voting and reading don't wait for. CONCURRENTLY waits for
--        transactions that read votes now (find them in pg_stat_activity), and holds nothing meanwhile.
-- Takes: milliseconds, plus that wait. An interrupted one is finished by the FINALIZE below the line.
-- Undo:  partitions/030_attach_event.sql
-- Run:   psql "$DATABASE_URL" -v event_no=7 -f partitions/020_detach_event.sql   (as superuser or vote_ledger_owner)

\set ON_ERROR_STOP on
SELECT status IN ('closed', 'cancelled') AS is_final FROM events WHERE event_no = :event_no \gset
\if :is_final
\else
  \warn 'event' :event_no 'is not closed'
  SELECT 1 / 0;
\endif

SET lock_timeout = '3s';
SET search_path = public;
ALTER TABLE votes DETACH PARTITION votes_e:event_no CONCURRENTLY;
ALTER TABLE vote_rejections DETACH PARTITION vote_rejections_e:event_no CONCURRENTLY;
-- After an interruption: ALTER TABLE votes DETACH PARTITION votes_e… FINALIZE;
