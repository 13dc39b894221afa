-- What the audit of seals asks, as role vote_auditor.

-- name: event_keys
-- The number of an event and of the keys that it was sealed with; whether it was ever open, its ballot and its seal.
SELECT event_no, key_no, status IN ('open', 'closed') AS was_open, ballot_of(event_no) AS ballot, ballot_seal
FROM events WHERE event_id = :event_id;

-- name: sealed_rows
-- Every row of one event: what its seal covers, and the seal. A scan of the event; no lock that anybody waits for.
SELECT voted_at, device, contestant_no, region, voter, seal FROM votes WHERE event_no = :event_no;

-- name: has_vote
-- Whether this voter has a vote in this event.
SELECT 1 FROM votes WHERE event_no = :event_no AND voter = :voter;
