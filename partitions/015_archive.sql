-- 015 · Write everything that the ledger knows of an event into a folder of CSV files, under one snapshot, and a manifest
--       with each file's number of rows and SHA-256. Rows are sorted: the same event gives the same bytes.
-- When:  after the close and 012, before or after 020. The folder is of this event alone, on another disk if possible.
-- Locks: ACCESS SHARE on the event's own tables, which nobody but 050 waits for.
-- Takes: a scan and a sort by index (some minutes per ten million votes; 110 bytes each). The snapshot keeps vacuum from
--        cleaning up meanwhile: run it on a replica if it takes long.
-- Undo:  delete the folder. An interrupted one has no manifest: run it again. With a manifest nothing is written over, and
--        one of another event is refused.
-- Run:   psql "$DATABASE_URL" -v event_no=7 -v folder=/archive/7 -f partitions/015_archive.sql
--        (as superuser or vote_ledger_owner)

\set ON_ERROR_STOP on
SET search_path = public;
SET TimeZone = 'UTC';
SET DateStyle = 'ISO';
SET bytea_output = 'hex';
\set needs 'event_no folder'
\ir steps/given.sql
\ir steps/only_over.sql
\setenv ARCHIVE :folder
\set is_there `test -e "$ARCHIVE/manifest.json" && echo true || echo false`
\if :is_there
  \ir steps/read_manifest.sql
  \echo 'there is a manifest already: 050 compares the archive with the tables'
  \q
\endif
\ir steps/has_votes.sql
\! mkdir -p -m 700 "$ARCHIVE"
BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
\set counts
SELECT format('SELECT * FROM votes_e%s ORDER BY event_no, voter', :event_no) AS query, 'votes' AS name \gset
\ir steps/copy_out.sql
SELECT format('SELECT * FROM vote_rejections_e%s ORDER BY event_no, voter, kind', :event_no) AS query, 'vote_rejections' AS name \gset
\ir steps/copy_out.sql
SELECT to_regclass('vote_evidence_e' || :event_no) IS NOT NULL AS has_evidence,
       format('SELECT * FROM vote_evidence_e%s ORDER BY stored_at, block', :event_no) AS query, 'vote_evidence' AS name \gset
\if :has_evidence
  \ir steps/copy_out.sql
\endif
SELECT format('SELECT e.*, ballot_of(event_no) AS ballot FROM events e WHERE event_no = %s', :event_no) AS query, 'event' AS name \gset
\ir steps/copy_out.sql
SELECT format('SELECT a.* FROM audit_log a JOIN events USING (event_id) WHERE event_no = %s ORDER BY audit_no', :event_no) AS query,
       'audit_log' AS name \gset
\ir steps/copy_out.sql
SELECT format('SELECT * FROM contestants WHERE event_no = %s ORDER BY contestant_no', :event_no) AS query, 'contestants' AS name \gset
\ir steps/copy_out.sql
SELECT format('SELECT * FROM tallies WHERE event_no = %s ORDER BY contestant_no', :event_no) AS query, 'tallies' AS name \gset
\ir steps/copy_out.sql
SELECT format('SELECT * FROM frozen_tallies WHERE event_no = %s', :event_no) AS query, 'frozen_tallies' AS name \gset
\ir steps/copy_out.sql
SELECT format('SELECT * FROM vote_assurances WHERE event_no = %s ORDER BY level', :event_no) AS query, 'vote_assurances' AS name \gset
\ir steps/copy_out.sql

\set digests `cd "$ARCHIVE" && sync -- *.csv && sha256sum -- *.csv`
SELECT count(*) = count(found.digest) AS is_whole
FROM regexp_matches(:'counts', '^(\S+) (\d+)$', 'gn') AS said (file)
LEFT JOIN regexp_matches(:'digests', '^([0-9a-f]{64})  (\S+)$', 'gn') AS found (digest) ON found.digest[2] = said.file[1] \gset
\if :is_whole
\else
  \set why 'a file of the archive could not be read back'
  \ir steps/stop.sql
\endif
\set manifest :folder /manifest.part
SELECT jsonb_pretty(jsonb_build_object(
    'event_no', event_no, 'event_id', event_id, 'key_no', key_no, 'archived_at', clock_timestamp(),
    'wal_position', CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END,
    'files', (SELECT jsonb_object_agg(said.file[1], jsonb_build_object('rows', said.file[2]::bigint, 'sha256', found.digest[1]))
              FROM regexp_matches(:'counts', '^(\S+) (\d+)$', 'gn') AS said (file)
              JOIN regexp_matches(:'digests', '^([0-9a-f]{64})  (\S+)$', 'gn') AS found (digest)
                  ON found.digest[2] = said.file[1])))
FROM events WHERE event_no = :event_no \g (format=unaligned tuples_only=on) :manifest
COMMIT;
\! cd "$ARCHIVE" && sync manifest.part && mv manifest.part manifest.json && sync .
