-- What the command process runs, as role vote_command.

-- name: cast_votes
-- Writes a batch of votes of one event; gives a row for each vote that was not newly accepted.
SELECT vote_index, kind, stored_at FROM cast_votes(
    :event_no, :voted_at, :voters, :contestants, :devices, :regions, :seals, :refused);

-- name: connection_facts
-- Whether a COMMIT on this connection is durable, and what the time is here.
SELECT current_setting('synchronous_commit') AS synchronous_commit, current_setting('fsync') AS fsync,
       clock_timestamp() AS clock;

-- name: event_for_voting
-- The part of an event that stays as it is once voting has begun; no row: the event is unknown.
SELECT event_no, key_no,
       ARRAY(SELECT contestant_id FROM contestants c WHERE c.event_no = e.event_no ORDER BY contestant_no) AS contestant_ids,
       ARRAY(SELECT contestant_no FROM contestants c WHERE c.event_no = e.event_no ORDER BY contestant_no) AS contestant_nos
FROM events e WHERE event_id = :event_id;

-- name: create_event
-- Makes an event with its contestants and partitions, in one transaction.
SELECT event_no, event_id FROM create_event(:event, :key_no, :actor, :trace_id);

-- name: contestants_of_event
-- The contestants in the order in which they were given. Run it after create_event: that statement can't see yet what
-- it makes.
SELECT contestant_id, contestant_name FROM contestants WHERE event_no = :event_no ORDER BY contestant_no;

-- name: user_exists
-- Whether identity knows this user.
SELECT identity.user_exists(:user_id);

-- name: change_event_status
-- Opens, closes or cancels an event. SQLSTATE VT404: no such event; VT409: it can't be done from its present status.
SELECT status, status_at FROM change_event_status(:event_id, :status, :actor, :trace_id);

-- name: apply_schedule
-- Opens and closes the events that are due; gives the seconds until the next change, null when none is scheduled.
SELECT extract(epoch FROM apply_schedule() - clock_timestamp())::float8 AS seconds;
