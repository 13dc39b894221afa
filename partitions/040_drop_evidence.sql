-- 040 · Drop the evidence of one event: what its votes were judged by. Votes, refusals and results stay.
-- When:  once the time for which it may be kept is over, or somebody has a right to it. Refuses an event that is not
--        closed or cancelled. Dry runs and the page of its rules have nothing to tell of it afterwards.
-- Locks: SHARE UPDATE EXCLUSIVE on vote_evidence, which storing doesn't wait for; then ACCESS EXCLUSIVE on the event's
--        own table. CONCURRENTLY waits for transactions that read evidence now, and holds nothing meanwhile.
-- Takes: that wait, and milliseconds.
-- Undo:  nothing but a backup.
-- Run:   psql "$DATABASE_URL" -v event_no=7 -f partitions/040_drop_evidence.sql   (as superuser or vote_ledger_owner)

\set ON_ERROR_STOP on
SET search_path = public;
SELECT status IN ('closed', 'cancelled') AS is_final, has_partition('vote_evidence', event_no) AS is_attached
FROM events WHERE event_no = :event_no \gset
\if :is_final
\else
  \warn 'event' :event_no 'is not closed'
  SELECT 1 / 0;
\endif

SET lock_timeout = '3s';
\if :is_attached
  ALTER TABLE vote_evidence DETACH PARTITION vote_evidence_e:event_no CONCURRENTLY;
\endif
-- After an interruption: ALTER TABLE vote_evidence DETACH PARTITION vote_evidence_e… FINALIZE;
DROP TABLE IF EXISTS vote_evidence_e:event_no;
