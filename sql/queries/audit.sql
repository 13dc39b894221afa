-- What ./ops/audit asks beside the questions of sql/audit, as role vote_auditor.

-- name: hold_snapshot
-- The name of this transaction's snapshot, by which other connections see the same.
SELECT pg_export_snapshot();

-- name: sealed_rows
-- Each row of one partition: its seal, and what it was made of. A scan of it; no lock that anybody waits for.
COPY (SELECT * FROM sealed_rows(:event_no, :leaf)) TO STDOUT (FORMAT binary);

-- name: take_snapshot
-- See what the transaction sees that holds the snapshot.
SET TRANSACTION SNAPSHOT :snapshot;

-- name: evidence_of_event
-- What the votes of one event were judged by, in the order in which it was stored; each block as command packed it.
SELECT block FROM vote_evidence WHERE event_no = (SELECT event_no FROM events WHERE event_id = :event_id) ORDER BY stored_at;
