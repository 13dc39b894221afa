-- One way to write a moment as the contract has it (2026-01-02T03:04:05.000006Z), instead of a pattern copied six times.
-- Locks: none that anybody waits for (a new function, and a function put in the place of another).
-- Takes: milliseconds.
-- Goes before the new query process, which calls it; an old one doesn't, and runs on beside it. A replica has it once
-- this was replayed.

SET ROLE vote_ledger_owner;

-- Null for null. Keep it one expression, without SET and STABLE as to_char is: so the planner puts the expression in
-- the place of the call, which then costs nothing. contract/moment.py writes the same.
CREATE FUNCTION rfc3339(p_moment timestamptz) RETURNS text
LANGUAGE sql STABLE
RETURN to_char(p_moment AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"');
REVOKE EXECUTE ON FUNCTION rfc3339 FROM PUBLIC;
GRANT EXECUTE ON FUNCTION rfc3339 TO vote_query;

-- Puts a change of an event into the WAL, in order with the votes: fanout reads it there. As before, but by rfc3339().
CREATE OR REPLACE FUNCTION emit_event_change(p_event_no int) RETURNS void
LANGUAGE sql SET search_path = public, pg_temp AS $$
    SELECT pg_logical_emit_message(true, 'vote.event', json_build_object(
        'event_no', event_no, 'event_id', event_id, 'status', status, 'at', rfc3339(status_at))::text)
    FROM events WHERE event_no = p_event_no
$$;

RESET ROLE;
