-- Reads the manifest of the archive in :folder: :manifest and :manifest_sha256. Stops unless it is of this event. A step.
\setenv ARCHIVE :folder
\set manifest `cat "$ARCHIVE/manifest.json"`
\set manifest_sha256 `sha256sum < "$ARCHIVE/manifest.json" | cut -c1-64`
SELECT pg_input_is_valid(:'manifest', 'jsonb') AS is_readable \gset
\if :is_readable
\else
  \set why 'there is no readable manifest.json in ' :folder
  \ir stop.sql
\endif
SELECT count(*) = 1 AS is_of_event FROM events
WHERE event_no = :event_no AND event_no::text = (:'manifest')::jsonb ->> 'event_no'
  AND event_id::text = (:'manifest')::jsonb ->> 'event_id' \gset
\if :is_of_event
\else
  \set why 'the archive in ' :folder ' is not of event ' :event_no
  \ir stop.sql
\endif
