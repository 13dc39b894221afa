-- What the command process runs. Its writers use asyncpg ($1), everything else psycopg (%(name)s).

-- name: cast_votes
-- A batch of votes of one event; a row for each that was not newly accepted.
SELECT vote_index, kind, stored_at FROM cast_votes($1, $2, $3, $4, $5, $6, $7, $8);

-- name: connection_facts
-- What a writer must know of its connection: is a COMMIT durable, and what is the time here.
SELECT current_setting('synchronous_commit') AS synchronous_commit, current_setting('fsync') AS fsync,
       clock_timestamp() AS clock;

-- name: event_for_voting
-- What never changes of an event once it can be voted in; no row when the event is unknown.
SELECT event_no, key_no,
       ARRAY(SELECT contestant_id FROM contestants c WHERE c.event_no = e.event_no ORDER BY contestant_no) AS contestant_ids,
       ARRAY(SELECT contestant_no FROM contestants c WHERE c.event_no = e.event_no ORDER BY contestant_no) AS contestant_nos
FROM events e WHERE event_id = %(event_id)s;

-- name: create_event
-- Event, contestants and partitions in one transaction.
SELECT event_no, event_id FROM create_event(%(event)s, %(key_no)s, %(actor)s, %(trace_id)s);

-- name: contestants_of_event
-- In the order given. A statement of its own: the one that creates the event has a snapshot from before they were there.
SELECT contestant_id, contestant_name FROM contestants WHERE event_no = %(event_no)s ORDER BY contestant_no;

-- name: user_exists
-- Whether identity knows this user.
SELECT identity.user_exists(%(user_id)s);

-- name: change_event_status
-- Open, close or cancel; SQLSTATE VT404 and VT409 are its refusals.
SELECT status, status_at FROM change_event_status(%(event_id)s, %(status)s, %(actor)s, %(trace_id)s);

-- name: apply_schedule
-- Carry out what is due; gives the seconds until the next change, null when none is scheduled.
SELECT extract(epoch FROM apply_schedule() - clock_timestamp())::float8 AS seconds;
