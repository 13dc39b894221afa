-- What the command process runs, as role vote_command.

-- name: cast_votes
-- Writes a batch of votes of one event; gives a row for each vote that was not newly accepted. SQLSTATE VT404: the number
-- is not this event's (any more); VT500: a COMMIT here might not last, or voted_at is off.
SELECT vote_index, kind, stored_at FROM cast_votes(
    :event_no, :event_id, :voted_at, :voters, :contestants, :devices, :regions, :seals, :refused);

-- name: cast_traced_votes
-- The same, and tells the WAL which of these votes are traced: their places in the batch, from 1, and what to tell of each.
SELECT vote_index, kind, stored_at FROM cast_traced_votes(
    :event_no, :event_id, :voted_at, :voters, :contestants, :devices, :regions, :seals, :refused, :traced, :traces);

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
SELECT event_no, event_id FROM create_event(
    :event, :key_no, ROW(:user_id::uuid, :role::text, :trace_id::text)::actor, :key, :request);

-- name: event_as_draft
-- What an event is, and what makes the same anew; no row: no such event.
SELECT status, draft_of(event_id) AS draft FROM events WHERE event_id = :event_id;

-- name: whole_event
-- One event as staff work on it; no row: no such event. added: when contestants came after its making, by contestant_id.
SELECT e.event_no, e.event_id, e.event_name, e.event_description, e.status, e.opens_at, e.closes_at, e.created_at,
       coalesce(h.changed_at, e.created_at) AS changed_at, h.added
FROM events e, history_of(e.event_id) h WHERE e.event_id = :event_id;

-- name: whole_events
-- The same of a page of events, newest first; of some statuses, null: of any. Canaries' own events are nobody's business.
SELECT e.event_no, e.event_id, e.event_name, e.event_description, e.status, e.opens_at, e.closes_at, e.created_at,
       coalesce(h.changed_at, e.created_at) AS changed_at, h.added
FROM (SELECT * FROM events
      WHERE (:statuses::text[] IS NULL OR status = ANY (:statuses::text[])) AND assurance_min <> 'canary'
      ORDER BY event_no DESC OFFSET :skipped LIMIT :events_max) e, history_of(e.event_id) h
ORDER BY e.event_no DESC;

-- name: count_events
-- How many events all pages have.
SELECT count(*) AS total FROM events
WHERE (:statuses::text[] IS NULL OR status = ANY (:statuses::text[])) AND assurance_min <> 'canary';

-- name: whole_contestants
-- The contestants of one of these events, in their order.
SELECT contestant_id, contestant_name, contestant_image_url, party FROM contestants
WHERE event_no = :event_no ORDER BY order_no;

-- name: reset_event
-- Ends a rehearsal and makes it anew, once. SQLSTATE VT404: no such event; VT409: it is no rehearsal.
SELECT event_no, event_id FROM reset_event(:event_id, :key_no, ROW(:user_id::uuid, :role::text, :trace_id::text)::actor);

-- name: contestants_of_event
-- The contestants in their order. Run it after create_event: that statement can't see yet what it makes.
SELECT contestant_id, contestant_name FROM contestants WHERE event_no = :event_no ORDER BY order_no;

-- name: edit_event
-- Changes fields of an event. SQLSTATE VT404; VT409: it is over, or the field is fixed by now; VT400: no such schedule.
SELECT status, event_name, event_description, opens_at, closes_at, results_visibility, captcha, theme
FROM edit_event(:event_id, :changes, ROW(:user_id::uuid, :role::text, :trace_id::text)::actor);

-- name: add_contestant
-- Adds a contestant behind the others. SQLSTATE VT404; VT409: the event has opened or should have, or is full.
SELECT contestant_id, contestant_name, contestant_description, contestant_image_url, party, order_no
FROM add_contestant(:event_id, :contestant, :skeleton, ROW(:user_id::uuid, :role::text, :trace_id::text)::actor);

-- name: edit_contestant
-- Changes fields of a contestant, or its place. SQLSTATE as above; VT404 names contestant_id where that is unknown.
SELECT contestant_id, contestant_name, contestant_description, contestant_image_url, party, order_no
FROM edit_contestant(:event_id, :contestant_id, :changes, :skeleton, ROW(:user_id::uuid, :role::text, :trace_id::text)::actor);

-- name: remove_contestant
-- Takes a contestant out. SQLSTATE as above.
SELECT remove_contestant(:event_id, :contestant_id, ROW(:user_id::uuid, :role::text, :trace_id::text)::actor);

-- name: ballot
-- What an event's seal of its ballot covers, and the number of its keys; no row: no such event.
SELECT key_no, ballot_of(event_no) AS ballot FROM events WHERE event_id = :event_id;

-- name: change_status
-- Opens, pauses, resumes, closes or cancels an event, or activates it (opens or resumes); with expires_at nothing has changed until another one confirms it.
-- SQLSTATE VT404: no such event; VT409: it can't be done from its present status; VT503: the ballot has changed since it
-- was read; VT422: the key was used for something else.
SELECT status, status_at, expires_at FROM change_status(
    :event_id, :action, ROW(:user_id::uuid, :role::text, :trace_id::text)::actor, :ballot, :ballot_seal, :key);

-- name: void_event
-- Declares a closed event void; with expires_at nothing has changed until another one confirms it. SQLSTATE VT404, VT409.
SELECT status, status_at, expires_at FROM void_event(
    :event_id, :reason, ROW(:user_id::uuid, :role::text, :trace_id::text)::actor);

-- name: confirm_change
-- Does what another one has asked for. SQLSTATE as change_status; VT403: it was the same one; VT428: nobody has asked lately.
SELECT status, status_at FROM confirm_change(:event_id, :action, ROW(:user_id::uuid, :role::text, :trace_id::text)::actor);

-- name: set_frozen
-- Holds what the public sees of an event, or lets it go on. SQLSTATE VT404, VT409.
SELECT frozen, display_at FROM set_frozen(:event_id, :frozen, ROW(:user_id::uuid, :role::text, :trace_id::text)::actor, :key);

-- name: reveal_results
-- Shows so many places from the last up, null: all. SQLSTATE VT404, VT409.
SELECT revealed, display_at FROM reveal_results(:event_id, :places, ROW(:user_id::uuid, :role::text, :trace_id::text)::actor);

-- name: wal_end
-- A position in the WAL; every commit before this statement lies before it. The timeline is the one that is written to
-- now: it begins the name of the file, while pg_control_checkpoint() names it only after a promotion's first checkpoint.
SELECT (pg_control_system()).system_identifier AS system_id,
       ('x' || left(pg_walfile_name(flushed), 8))::bit(32)::int AS timeline,
       (flushed - '0/0')::bigint AS lsn
FROM pg_current_wal_flush_lsn() AS flushed;

-- name: listen
-- Changes of events are said here, each with its event_id.
LISTEN event_change;

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
SELECT store_evidence(:event_nos, :event_ids, :votes, :hits::jsonb[], :blocks, :assurances::jsonb[]);

-- name: rule_hits
-- What fraud rules did in an event, as JSON; null: no such event.
SELECT rule_hits(:event_id)::text AS report;

-- name: newest_events
-- The events that were made last, for an operator.
SELECT event_id, event_name, status, status_at, opens_at, closes_at FROM events ORDER BY event_no DESC LIMIT :page;
