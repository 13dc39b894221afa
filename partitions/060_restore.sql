-- 060 · Put an event that was dropped back into the ledger's tree, from its archive.
-- When:  somebody wants to look into it again. Refuses an archive that isn't whole, or of another event, or whose votes
--        aren't what the stored tallies say: so the numbers that were on air stay, and fanout has nothing to count. Refuses
--        another manifest than that of the last 050 (event.dropped in the event's log), unless -v other_manifest=1 says that
--        you know why. An archive from before a migration gets the defaults of the columns that came since.
--        The leaves have neither the settings nor the tablespace that 003 gave the old ones: run 003 again if they matter.
-- Locks: as 030. The new tables are filled before they are attached, and nothing in them is published; each has a CHECK,
--        so that ATTACH, milliseconds, needn't scan it.
-- Takes: as long as 050, and the writing (some minutes per ten million votes). Interrupted, run it again.
-- Undo:  partitions/020_detach_event.sql and partitions/050_drop_event.sql
-- Run:   psql "$DATABASE_URL" -v event_no=7 -v folder=/archive/7 -f partitions/060_restore.sql   (as superuser)

\set ON_ERROR_STOP on
SET search_path = public;
SET lock_timeout = '3s';
\set needs 'event_no folder'
\ir steps/given.sql
\if :{?other_manifest}
\else
  \set other_manifest 0
\endif
\ir steps/only_over.sql
SELECT to_regclass('votes_e' || event_no) IS NOT NULL AS is_there, modulus FROM events WHERE event_no = :event_no \gset
\if :is_there
  \echo 'the votes of event' :event_no 'are there'
\else
  \ir steps/read_manifest.sql
  SELECT NOT (:'other_manifest')::boolean AND EXISTS (
      SELECT FROM (SELECT after FROM audit_log JOIN events USING (event_id)
                   WHERE event_no = :event_no AND action = 'event.dropped' ORDER BY audit_no DESC LIMIT 1) AS dropped
      WHERE after ->> 'manifest_sha256' <> :'manifest_sha256') AS is_other \gset
  \if :is_other
    \set why 'the manifest is not the one that 050 noted in the log when it dropped event ' :event_no
    \ir steps/stop.sql
  \endif
  \ir steps/read_archive.sql
  SELECT count(*) = 0 AS is_as_counted
  FROM (SELECT contestant_no, count(*) AS votes FROM archived_votes GROUP BY contestant_no) AS archived
  FULL JOIN (SELECT contestant_no, votes FROM tallies WHERE event_no = :event_no) AS stored USING (contestant_no)
  WHERE archived.votes IS DISTINCT FROM stored.votes \gset
  \if :is_as_counted
  \else
    \set why 'the votes of the archive are not what the stored tallies of event ' :event_no ' say'
    \ir steps/stop.sql
  \endif
  SET ROLE vote_ledger_owner;
  \set source archived_votes
  \ir steps/build_votes.sql
  BEGIN;
  \set from :new_votes
  \set to votes_e :event_no
  \ir steps/rename_votes.sql
  \set rejections vote_rejections_e :event_no
  CREATE TABLE :rejections (LIKE vote_rejections INCLUDING DEFAULTS INCLUDING CONSTRAINTS, PRIMARY KEY (event_no, voter, kind),
                             CONSTRAINT of_event CHECK (event_no = :event_no));
  INSERT INTO :rejections SELECT * FROM archived_vote_rejections;
  \set evidence vote_evidence_e :event_no
  CREATE TABLE :evidence (LIKE vote_evidence INCLUDING DEFAULTS INCLUDING STORAGE,
                           CONSTRAINT of_event CHECK (event_no = :event_no));
  INSERT INTO :evidence SELECT * FROM archived_vote_evidence;
  RESET ROLE;
  \set act event.restored
  SELECT json_build_object('manifest_sha256', :'manifest_sha256') AS details \gset
  \ir steps/note.sql
  COMMIT;
\endif
\ir 030_attach_event.sql
