-- What the audit of seals asks, as role vote_auditor.

-- name: audited_event
-- The number of an event and of the keys that it was sealed with; whether no more votes come, and whether its rows were
-- taken out of the ledger's tree (partitions/020); whether it was ever open, its ballot and its seal.
SELECT event_no, key_no, status IN ('closed', 'cancelled') AS is_final, NOT has_partition('votes', event_no) AS is_archived,
       status IN ('open', 'paused', 'closed') AS was_open, ballot_of(event_no) AS ballot, ballot_seal
FROM events WHERE event_id = :event_id;

-- name: tallied
-- What was counted of one event, as the WAL told it: never more than the ledger holds.
SELECT contestant_no, votes FROM tallies WHERE event_no = :event_no;

-- name: sealed_rows
-- Every row of one event: what its seal covers, and the seal. A scan of the event; no lock that anybody waits for.
SELECT voted_at, device, contestant_no, region, voter, seal FROM votes WHERE event_no = :event_no;

-- name: has_vote
-- Whether this voter has a vote in this event.
SELECT 1 FROM votes WHERE event_no = :event_no AND voter = :voter;

-- name: evidence_of_event
-- What the votes of one event were judged by, in the order in which it was stored; each block as command packed it.
SELECT block FROM vote_evidence WHERE event_no = (SELECT event_no FROM events WHERE event_id = :event_id) ORDER BY stored_at;
