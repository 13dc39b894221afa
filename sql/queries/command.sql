-- What the command process runs, as role vote_command.

-- name: cast_votes
-- Writes a batch of votes of one event; gives a row for each vote that was not newly accepted. SQLSTATE VT404: the number
-- is not this event's (any more); VT500: a COMMIT here might not last, or voted_at is off.
SELECT vote_index, kind, stored_at FROM cast_votes(
    :event_no, :event_id, :voted_at, :voters, :contestants, :devices, :regions, :seals, :refused);

-- name: connection_facts
-- Whether a COMMIT on this connection is possible and durable, and what the time is here.
SELECT current_setting('synchronous_commit') AS synchronous_commit, current_setting('fsync') AS fsync,
       current_setting('transaction_read_only') AS read_only, clock_timestamp() AS clock;

-- name: event_for_voting
-- The part of an event that stays as it is once voting has begun; no row: the event is unknown.
SELECT event_no, key_no, captcha, extract(epoch FROM opened_at)::float8 AS opened_at, assurance_min,
       ARRAY(SELECT contestant_id FROM contestants c WHERE c.event_no = e.event_no ORDER BY contestant_no) AS contestant_ids,
       ARRAY(SELECT contestant_no FROM contestants c WHERE c.event_no = e.event_no ORDER BY contestant_no) AS contestant_nos
FROM events e WHERE event_id = :event_id;

-- name: create_event
-- Makes an event with its contestants and partitions, in one transaction; once for each key. SQLSTATE VT422: the key was
-- used for another request.
SELECT event_no, event_id FROM create_event(:event, :key_no, :actor, :trace_id, :key, :request);

-- name: contestants_of_event
-- The contestants in the order in which they were given. Run it after create_event: that statement can't see yet what
-- it makes.
SELECT contestant_id, contestant_name FROM contestants WHERE event_no = :event_no ORDER BY contestant_no;

-- name: ballot
-- What an event's seal of its ballot covers, and the number of its keys; no row: no such event.
SELECT key_no, ballot_of(event_no) AS ballot FROM events WHERE event_id = :event_id;

-- name: change_event_status
-- Opens, closes or cancels an event. SQLSTATE VT404: no such event; VT409: it can't be done from its present status;
-- VT503: the ballot has changed since it was read.
SELECT status, status_at FROM change_event_status(:event_id, :status, :actor, :trace_id, :ballot, :ballot_seal);

-- name: due_changes
-- What the schedule says is due now.
SELECT event_id, becomes FROM due_changes();

-- name: next_due
-- The seconds until the next change, null when none is scheduled.
SELECT extract(epoch FROM next_due_at() - clock_timestamp())::float8 AS seconds;

-- name: carry_out
-- Opens or closes one event, if that is still due. SQLSTATE VT503 as above.
SELECT carry_out(:event_id, :becomes, :ballot, :ballot_seal);

-- name: store_evidence
-- Keeps what votes were judged by: a row for some votes of an event, rows of several events at once.
SELECT store_evidence(:event_nos, :event_ids, :votes, :hits::jsonb[], :blocks);

-- name: rule_hits
-- What fraud rules did in an event, as JSON; null: no such event.
SELECT rule_hits(:event_id)::text AS report;
