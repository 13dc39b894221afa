-- 030 · Put a detached event's votes back into the ledger's tree.
-- When:  undoing 020, or to look into an archived event again. Does nothing when they are in it.
-- Locks: SHARE UPDATE EXCLUSIVE on votes, which voting and reading don't wait for; ACCESS EXCLUSIVE on the event's own table.
-- Takes: a scan of the event (seconds per ten million votes) before anything is locked, and milliseconds, since the CHECK
--        that 020 or 060 has left saves ATTACH another. Without one (detached by hand) it scans under the lock on votes,
--        which voting doesn't wait for, but nobody can make an event meanwhile.
--        An interrupted detachment is finished before: that gives up after 3 s while an older transaction runs.
--        Rows that are more or fewer than fanout has counted make it count the whole ledger anew: the numbers of all events
--        are marked stale until it is done, and don't fall. The result of an event that is over would be another than was
--        on air: so that is refused, unless -v recount=1 says that it shall be. The event's log has both then.
-- Undo:  partitions/020_detach_event.sql
-- Run:   psql "$DATABASE_URL" -v event_no=7 -f partitions/030_attach_event.sql   (as superuser or vote_ledger_owner)

\set ON_ERROR_STOP on
SET lock_timeout = '3s';
SET search_path = public;
\set needs event_no
\ir steps/given.sql
\ir steps/has_votes.sql
\if :{?recount}
\else
  \set recount 0
\endif
SELECT has_partition('votes', :event_no) AS was_in_tree, false AS is_miscounted \gset
\set votes votes_e :event_no
\if :was_in_tree
\else
  SELECT count(*) > 0 AS is_miscounted, count(*) > 0 AND NOT (:'recount')::boolean AND EXISTS (
             SELECT FROM events WHERE event_no = :event_no AND status IN ('closed', 'cancelled')) AS is_refused,
         json_object_agg(contestant_no, json_build_object('stored', stored.votes, 'found', ledger.votes)) AS details
  FROM (SELECT contestant_no, count(*) AS votes FROM :votes GROUP BY contestant_no) AS ledger
  FULL JOIN (SELECT contestant_no, votes FROM tallies WHERE event_no = :event_no) AS stored USING (contestant_no)
  WHERE ledger.votes IS DISTINCT FROM stored.votes \gset
  \if :is_refused
    \set why 'the votes are not what the stored tallies of event ' :event_no ' say (-v recount=1 takes them nevertheless): ' :details
    \ir steps/stop.sql
  \endif
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
  \set act event.recounted
  \ir steps/note.sql
\endif
COMMIT;
