-- What the audit tools run; psycopg (%(name)s).

-- name: event_keys
-- The number of an event and of the keys that it was sealed with.
SELECT event_no, key_no FROM events WHERE event_id = %(event_id)s;

-- name: sealed_rows
-- All that a seal covers, and the seal.
SELECT voted_at, device, contestant_no, region, voter, seal FROM votes WHERE event_no = %(event_no)s;

-- name: has_vote
-- Whether this voter has a vote in this event.
SELECT 1 FROM votes WHERE event_no = %(event_no)s AND voter = %(voter)s;
