-- 012 · Freeze an event that is over: no row of it will change again. Else Postgres must read and rewrite it once its rows
--       are 200 million transactions old, at a moment of its own choice, which may be in the middle of the next show.
--       It also leaves statistics and a visibility map, so that a count need not look into the table.
-- When:  after the close, in a quiet hour; before 015 and 020.
-- Locks: SHARE UPDATE EXCLUSIVE on the event's own tables, which nobody but a DBA waits for.
-- Takes: reads and rewrites the event (about a minute per ten million votes), as gently as vacuum_cost_delay says.
-- Undo:  nothing to undo.
-- Run:   psql "$DATABASE_URL" -v event_no=7 -f partitions/012_freeze_closed.sql   (as superuser or vote_ledger_owner)

\set ON_ERROR_STOP on
SET search_path = public;
SET lock_timeout = '3s';
\set needs event_no
\ir steps/given.sql
\ir steps/only_over.sql
SET vacuum_cost_delay = '2ms';
SELECT format('VACUUM (FREEZE, ANALYZE) %s', part)
FROM unnest('{votes,vote_rejections,vote_evidence}'::text[]) AS parent, to_regclass(format('%s_e%s', parent, :event_no)) AS part
WHERE part IS NOT NULL \gexec
