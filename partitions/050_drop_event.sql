-- 050 · Drop the votes, refusals and evidence of a detached event. Its name, contestants, results and log stay.
-- When:  keep_days after the event was closed or cancelled. Refuses an event that is in the tree (020 first), and one whose
--        archive isn't whole: each file is read back, its SHA-256 and number of rows compared with the manifest, and then
--        its rows with the tables'. An archive without evidence is refused while the table of evidence is there (040).
-- Locks: ACCESS EXCLUSIVE on the event's own tables, for a moment.
-- Takes: a copy into temporary tables, scans and sorts (some minutes per ten million votes), and room for it.
-- Undo:  partitions/060_restore.sql
-- Run:   psql "$DATABASE_URL" -v event_no=7 -v folder=/archive/7 -v keep_days=90 -f partitions/050_drop_event.sql
--        (as superuser)

\set ON_ERROR_STOP on
SET search_path = public;
SET lock_timeout = '3s';
\set needs 'event_no folder keep_days'
\ir steps/given.sql
\ir steps/only_over.sql
SELECT to_regclass('votes_e' || :event_no) IS NULL AS is_gone \gset
\if :is_gone
  \echo 'the votes of event' :event_no 'are gone already'
  \q
\endif
SELECT status_at < clock_timestamp() - make_interval(days => :keep_days) AS is_due,
       NOT EXISTS (SELECT FROM pg_inherits i JOIN unnest('{votes,vote_rejections,vote_evidence}'::text[]) AS parent
                       ON i.inhrelid = to_regclass(format('%s_e%s', parent, :event_no))) AS is_detached
FROM events WHERE event_no = :event_no \gset
\if :is_due
\else
  \set why 'event ' :event_no ' is to be kept for ' :keep_days ' days'
  \ir steps/stop.sql
\endif
\if :is_detached
\else
  \set why 'event ' :event_no ' is not detached: run 020 first'
  \ir steps/stop.sql
\endif
\ir steps/read_archive.sql
\set given archived_votes
\set kept votes_e :event_no
\ir steps/same_rows.sql
\set given archived_vote_rejections
\set kept vote_rejections_e :event_no
\ir steps/same_rows.sql
SELECT to_regclass('vote_evidence_e' || :event_no) IS NOT NULL AS keeps_evidence \gset
\if :keeps_evidence
  \set given archived_vote_evidence
  \set kept vote_evidence_e :event_no
  \ir steps/same_rows.sql
\endif
BEGIN;
SELECT format('LOCK TABLE %I', part)
FROM unnest('{votes,vote_rejections,vote_evidence}'::text[]) AS parent, format('%s_e%s', parent, :event_no) AS part
WHERE to_regclass(part) IS NOT NULL \gexec
-- Minutes have gone by: of a table that was attached meanwhile a DROP would lock out all who vote. Now nobody can attach it.
SELECT NOT EXISTS (SELECT FROM pg_inherits i JOIN unnest('{votes,vote_rejections,vote_evidence}'::text[]) AS parent
                       ON i.inhrelid = to_regclass(format('%s_e%s', parent, :event_no))) AS is_detached \gset
\if :is_detached
\else
  \set why 'event ' :event_no ' was attached meanwhile'
  \ir steps/stop.sql
\endif
SELECT format('DROP TABLE %I', part)
FROM unnest('{votes,vote_rejections,vote_evidence}'::text[]) AS parent, format('%s_e%s', parent, :event_no) AS part
WHERE to_regclass(part) IS NOT NULL \gexec
\set act event.dropped
SELECT json_build_object('manifest_sha256', :'manifest_sha256') AS details \gset
\ir steps/note.sql
COMMIT;
