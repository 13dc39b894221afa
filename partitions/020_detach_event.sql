-- 020 · Take a closed event's votes out of the ledger's tree, to archive or drop them; other events aren't touched.
-- When:  after the event has closed. Refuses one that is not closed or cancelled, and one whose stored tallies are not
--        what its votes add up to: from now on they are all that a recount knows of it (if so, look after fanout).
-- Locks: SHARE UPDATE EXCLUSIVE on votes, which voting and reading don't wait for. CONCURRENTLY waits for
--        transactions that use votes now (find them in pg_stat_activity), and holds nothing meanwhile. Then ACCESS
--        EXCLUSIVE on the event's own tables: while it waits for who reads those by name, no event can be made.
--        Postgres has one detachment at a time: while another event's runs, or was broken off, this one is refused. Run 020
--        (or 004) again for that event, or 030 to have it back, and then this.
-- Takes: a scan of the event (seconds per ten million votes), plus that wait. An interrupted one is finished by the same
--        script, which gives up after 3 s while a transaction runs that is older; run on an event that is detached it does nothing.
-- Undo:  partitions/030_attach_event.sql
-- Run:   psql "$DATABASE_URL" -v event_no=7 -f partitions/020_detach_event.sql   (as superuser or vote_ledger_owner)

\set ON_ERROR_STOP on
SET search_path = public;
\set needs event_no
\ir steps/given.sql
\ir steps/only_over.sql
SELECT has_partition('votes', :event_no) AS is_in_tree \gset
\if :is_in_tree
  SELECT count(*) = 0 AS is_counted
  FROM (SELECT contestant_no, count(*) AS votes FROM votes WHERE event_no = :event_no GROUP BY contestant_no) AS ledger
  FULL JOIN (SELECT contestant_no, votes FROM tallies WHERE event_no = :event_no) AS stored USING (contestant_no)
  WHERE ledger.votes IS DISTINCT FROM stored.votes \gset
  \if :is_counted
  \else
    \set why 'the stored tallies of event ' :event_no ' are not what its votes add up to'
    \ir steps/stop.sql
  \endif
\endif

SET lock_timeout = '3s';
\set table votes
\ir steps/detach.sql
\set table vote_rejections
\ir steps/detach.sql
\set table vote_evidence
\ir steps/detach.sql
