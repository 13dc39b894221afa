-- 030 · Put a detached event's votes back into the ledger's tree.
-- When:  undoing 020, or to look into an archived event again. Does nothing when they are in it.
-- Locks: SHARE UPDATE EXCLUSIVE on votes, which voting and reading don't wait for; ACCESS EXCLUSIVE on the event's own table.
-- Takes: a scan of the event (seconds per ten million votes) before anything is locked, and milliseconds, since the CHECK
--        that 020 or 060 has left saves ATTACH another. Without one (detached by hand) it scans under the lock on votes,
--        which voting doesn't wait for, but nobody can make an event meanwhile.
--        An interrupted detachment is finished before: that gives up after 3 s while an older transaction runs.
--        Rows that are more or fewer than fanout has counted (restored, or moved) make it count the whole ledger anew:
--        the numbers of all events are marked stale until it is done, and don't fall.
-- Undo:  partitions/020_detach_event.sql
-- Run:   psql "$DATABASE_URL" -v event_no=7 -f partitions/030_attach_event.sql   (as superuser or vote_ledger_owner)

\set ON_ERROR_STOP on
SET lock_timeout = '3s';
SET search_path = public;
SELECT has_partition('votes', :event_no) AS was_in_tree, false AS is_miscounted \gset
\set votes votes_e :event_no
\if :was_in_tree
\else
  SELECT EXISTS (
      SELECT FROM (SELECT contestant_no, count(*) AS votes FROM :votes GROUP BY contestant_no) AS ledger
      FULL JOIN (SELECT contestant_no, votes FROM tallies WHERE event_no = :event_no) AS stored USING (contestant_no)
      WHERE ledger.votes IS DISTINCT FROM stored.votes) AS is_miscounted \gset
\endif
BEGIN;
\set table vote_rejections
\ir steps/attach.sql
\set table vote_evidence
\ir steps/attach.sql
\set table votes
\ir steps/attach.sql
\if :is_miscounted
  SELECT request_recount();
\endif
COMMIT;
