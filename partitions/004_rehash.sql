-- 004 · Give an event more leaves: its votes are copied into a new table, compared, and the two change places.
-- When:  more is expected of an event than when it was made (before it opens), or its leaves are too large to archive and
--        scan beside each other (after it has closed). Refused while it is open or paused, or lacks a leaf (002 says which).
--        The new leaves have neither the settings nor the tablespace that 003 gave the old: run 003 again afterwards.
-- Locks: the event's own advisory lock, so that it can't open meanwhile (who tries is told to try again); for the
--        detachment those of 020; SHARE UPDATE EXCLUSIVE on votes for the attachment, which voting and reading don't wait for.
-- Takes: twenty scans of the event and a sort (some minutes per ten million votes), and room for it twice. Between the
--        detachment and the attachment (a wait for transactions that use votes, then milliseconds, since a CHECK saves
--        ATTACH the scan) the event counts as archived. Fanout counts nothing twice: only what is in the tree of votes is
--        published.
-- Undo:  not needed; interrupted, run it again, with the same modulus or a larger one, before the event opens: until
--        then it may be detached, and votes would be refused. It ends what was begun.
-- Run:   psql "$DATABASE_URL" -v event_no=7 -v modulus=64 -f partitions/004_rehash.sql   (as superuser)

\set ON_ERROR_STOP on
SET search_path = public;
SET lock_timeout = '3s';
\set needs 'event_no modulus'
\ir steps/given.sql
\ir steps/has_votes.sql
SELECT pg_advisory_lock(event_lock_class(), :event_no);  -- of this session: it ends with it
SELECT status NOT IN ('open', 'paused') AS is_quiet, :modulus BETWEEN modulus AND 256 AS is_larger, modulus = :modulus AS is_done,
       format('{"modulus": %s}', :modulus) AS details
FROM events WHERE event_no = :event_no \gset
\if :is_quiet
\else
  \set why 'event ' :event_no ' is open'
  \ir steps/stop.sql
\endif
\if :is_larger
\else
  \set why 'the modulus must grow, up to 256'
  \ir steps/stop.sql
\endif
SET ROLE vote_ledger_owner;
\set votes votes_e :event_no
\set old_votes votes_e :event_no _old
\set table votes
-- A leaf that isn't attached would be in the way of a new one, once the event is out of the tree, and its votes be left out.
SELECT modulus = (SELECT count(*) FROM pg_inherits WHERE inhparent = to_regclass(:'votes') AND NOT inhdetachpending)
   AND NOT EXISTS (SELECT FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND NOT relispartition
                     AND relname ~ ('^' || :'votes' || '_p\d+$')) AS is_whole
FROM events WHERE event_no = :event_no \gset
\if :is_whole
\else
  \set why 'event ' :event_no ' has not all of its leaves attached, or others beside them: 002 says which'
  \ir steps/stop.sql
\endif
DROP TABLE IF EXISTS :old_votes;  -- of a run that was killed after the two had changed places
\if :is_done
  \ir steps/attach.sql
\else
  \set source :votes
  \ir steps/build_votes.sql
  RESET ROLE;
  \ir steps/detach.sql
  SET ROLE vote_ledger_owner;
  BEGIN;
  \set from :votes
  \set to :old_votes
  \ir steps/rename_votes.sql
  \set from votes_e :event_no _new
  \set to :votes
  \ir steps/rename_votes.sql
  \ir steps/attach.sql
  UPDATE events SET modulus = :modulus WHERE event_no = :event_no;
  \set act event.rehashed
  RESET ROLE;
  \ir steps/note.sql
  COMMIT;
  SET ROLE vote_ledger_owner;
  DROP TABLE :old_votes;
\endif
ANALYZE :votes;
