-- 040 · Drop the evidence of one event: what its votes were judged by. Votes, refusals and results stay.
-- When:  once the time for which it may be kept is over, or somebody has a right to it. Refuses an event that is not
--        closed or cancelled. Dry runs and the page of its rules have nothing to tell of it afterwards. An archive has it
--        too: delete vote_evidence.csv there; nothing else needs that file.
-- Locks: SHARE UPDATE EXCLUSIVE on vote_evidence, which storing doesn't wait for; then ACCESS EXCLUSIVE on the event's
--        own table. CONCURRENTLY waits for transactions that use evidence now, and holds nothing meanwhile.
-- Takes: that wait, and milliseconds. An interrupted one is finished by the same script, once older transactions have ended.
-- Undo:  partitions/060_restore.sql if the event was dropped wholly and its archive has the evidence; else a backup.
-- Run:   psql "$DATABASE_URL" -v event_no=7 -f partitions/040_drop_evidence.sql   (as superuser or vote_ledger_owner)

\set ON_ERROR_STOP on
SET search_path = public;
\set needs event_no
\ir steps/given.sql
\ir steps/only_over.sql
SET lock_timeout = '3s';
\set table vote_evidence
\ir steps/detach.sql
DROP TABLE IF EXISTS :partition;
