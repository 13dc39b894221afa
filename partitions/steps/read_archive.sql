-- Reads the event's archive in :folder back: archived_votes, archived_rejections and archived_evidence are temporary tables
-- of this session afterwards. Stops unless each file has the digest and the number of rows that the manifest says, and the
-- manifest is of this event. vote_evidence.csv may be gone: its time ends before that of the votes. A step.
\setenv ARCHIVE :folder
\set manifest `cat "$ARCHIVE/manifest.json"`
\set manifest_sha256 `sha256sum < "$ARCHIVE/manifest.json" | cut -c1-64`
\set digests `cd "$ARCHIVE" && sha256sum -- *.csv`
SELECT (:'manifest')::jsonb ->> 'event_id' = (SELECT event_id::text FROM events WHERE event_no = :event_no)
   AND ((:'manifest')::jsonb ->> 'event_no')::int = :event_no AS is_of_event,
       count(*) FILTER (WHERE said.file IN ('votes.csv', 'vote_rejections.csv')) = 2
   AND count(*) FILTER (WHERE said.content ->> 'sha256' IS DISTINCT FROM found.digest[1]
                          AND NOT (said.file = 'vote_evidence.csv' AND found.digest IS NULL)) = 0 AS is_whole,
       count(*) FILTER (WHERE said.file = 'vote_evidence.csv' AND found.digest IS NOT NULL) = 1 AS has_evidence
FROM jsonb_each((:'manifest')::jsonb -> 'files') AS said (file, content)
LEFT JOIN regexp_matches(:'digests', '^([0-9a-f]{64})  (\S+)$', 'gn') AS found (digest) ON found.digest[2] = said.file \gset
\if :is_of_event
\else
  \warn 'the archive is not of event' :event_no
  SELECT 1 / 0;
\endif
\if :is_whole
\else
  \warn 'a file of the archive is missing, or not what the manifest says'
  SELECT 1 / 0;
\endif
CREATE TEMPORARY TABLE archived_votes (LIKE votes);
CREATE TEMPORARY TABLE archived_rejections (LIKE vote_rejections);
CREATE TEMPORARY TABLE archived_evidence (LIKE vote_evidence);
GRANT SELECT ON archived_votes, archived_rejections, archived_evidence TO vote_ledger_owner;
\copy archived_votes FROM PROGRAM 'cat "$ARCHIVE/votes.csv"' (FORMAT csv, HEADER match)
\copy archived_rejections FROM PROGRAM 'cat "$ARCHIVE/vote_rejections.csv"' (FORMAT csv, HEADER match)
\if :has_evidence
  \copy archived_evidence FROM PROGRAM 'cat "$ARCHIVE/vote_evidence.csv"' (FORMAT csv, HEADER match)
\endif
SELECT (SELECT count(*) FROM archived_votes) = (files -> 'votes.csv' ->> 'rows')::bigint
   AND (SELECT count(*) FROM archived_rejections) = (files -> 'vote_rejections.csv' ->> 'rows')::bigint AS is_counted
FROM (SELECT (:'manifest')::jsonb -> 'files' AS files) AS manifest \gset
\if :is_counted
\else
  \warn 'the archive has not as many rows as its manifest says'
  SELECT 1 / 0;
\endif
