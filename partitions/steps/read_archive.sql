-- Reads the event's archive in :folder back: archived_votes, archived_vote_rejections and archived_vote_evidence are views of
-- this session afterwards. Stops unless each file has the digest and the number of rows that the manifest says, and the
-- manifest is of this event. vote_evidence.csv may be gone: its time ends before that of the votes. A step.
\ir read_manifest.sql
\set digests `cd "$ARCHIVE" && sha256sum -- *.csv`
SELECT count(*) FILTER (WHERE said.file IN ('votes.csv', 'vote_rejections.csv')) = 2
   AND count(*) FILTER (WHERE said.content ->> 'sha256' IS DISTINCT FROM found.digest[1]
                          AND NOT (said.file = 'vote_evidence.csv' AND found.digest IS NULL)) = 0 AS is_whole,
       count(*) FILTER (WHERE said.file = 'vote_evidence.csv' AND found.digest IS NOT NULL) = 1 AS has_evidence
FROM jsonb_each((:'manifest')::jsonb -> 'files') AS said (file, content)
LEFT JOIN regexp_matches(:'digests', '^([0-9a-f]{64})  (\S+)$', 'gn') AS found (digest) ON found.digest[2] = said.file \gset
\if :is_whole
\else
  \set why 'a file of the archive is missing, or not what the manifest says'
  \ir stop.sql
\endif
\set name votes
\ir read_csv.sql
\set name vote_rejections
\ir read_csv.sql
\set name vote_evidence
\if :has_evidence
  \ir read_csv.sql
\else
  CREATE TEMPORARY TABLE archived_vote_evidence (LIKE vote_evidence);
  GRANT SELECT ON archived_vote_evidence TO vote_ledger_owner;
\endif
SELECT (SELECT count(*) FROM archived_votes) = (files -> 'votes.csv' ->> 'rows')::bigint
   AND (SELECT count(*) FROM archived_vote_rejections) = (files -> 'vote_rejections.csv' ->> 'rows')::bigint AS is_counted
FROM (SELECT (:'manifest')::jsonb -> 'files' AS files) AS manifest \gset
\if :is_counted
\else
  \set why 'the archive has not as many rows as its manifest says'
  \ir stop.sql
\endif
