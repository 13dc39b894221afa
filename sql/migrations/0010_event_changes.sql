-- Changes of events that can be repeated: a status that is there already is answered only when it is durable, a create
-- that comes again makes no second event, each due event is a transaction of its own; and an opened event's ballot is sealed.
-- Locks: ACCESS EXCLUSIVE on events for a moment (a column without a default: nothing is rewritten). Votes wait for it.
-- Takes: milliseconds.
-- Goes before the new command process. An old one runs on beside it: it calls change_event_status and create_event with
-- four arguments and apply_schedule(), which stay until the next migration that may drop them.

SET ROLE vote_ledger_owner;

-- Keyed BLAKE2b of ballot_of() as it was when the event opened; null: opened by a process of before this migration.
ALTER TABLE events ADD COLUMN ballot_seal bytea CHECK (octet_length(ballot_seal) = 16);

-- Keys by which a client says that a request is the same as before; kept for a day.
CREATE TABLE idempotency_keys (
    actor    uuid NOT NULL,
    key      text NOT NULL,
    request  bytea NOT NULL CHECK (octet_length(request) = 32),  -- a digest of what was asked
    event_id uuid,  -- what it made; null only inside the transaction that makes it
    made_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (actor, key)
);
CREATE INDEX idempotency_keys_age ON idempotency_keys (made_at);

-- What voters choose from, in one spelling: the event, then each contestant's number, id and name.
CREATE FUNCTION ballot_of(p_event_no int) RETURNS text
LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    SELECT json_build_array(e.event_no, e.event_id, e.event_name, (
        SELECT json_agg(json_build_array(c.contestant_no, c.contestant_id, c.contestant_name) ORDER BY c.contestant_no)
        FROM contestants c WHERE c.event_no = e.event_no))::text
    FROM events e WHERE e.event_no = p_event_no
$$;

-- A change that is there already must not be answered before it is as durable as a new one: this makes our own COMMIT
-- wait for it.
CREATE FUNCTION emit_repeat() RETURNS void
LANGUAGE sql SET search_path = public, pg_temp AS $$
    SELECT pg_logical_emit_message(true, 'vote.repeat', '')
$$;

-- Opens, closes or cancels an event: waits for the batches in flight (they hold the lock shared until their
-- commit is done) and keeps later ones out, so that after this commit no vote can slip in. The same change
-- again changes nothing and answers the same. What is opened is sealed: p_ballot is what the seal covers, and is
-- compared under the lock. SQLSTATE VT404: no such event; VT409: not from this status; VT503: the ballot has changed
-- meanwhile, ask again.
CREATE FUNCTION change_event_status(
    p_event_id uuid, p_status text, p_actor uuid, p_trace_id text, p_ballot text, p_ballot_seal bytea
) RETURNS TABLE (status text, status_at timestamptz)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
#variable_conflict use_column
DECLARE
    v_no int;
    v_status text;
BEGIN
    SELECT e.event_no INTO v_no FROM events e WHERE e.event_id = p_event_id;
    IF v_no IS NULL THEN
        RAISE EXCEPTION 'no such event' USING ERRCODE = 'VT404';
    END IF;
    PERFORM pg_advisory_xact_lock(event_lock_class(), v_no);
    SELECT e.status INTO v_status FROM events e WHERE e.event_no = v_no;
    IF v_status = p_status THEN
        PERFORM emit_repeat();
        RETURN QUERY SELECT e.status, e.status_at FROM events e WHERE e.event_no = v_no;
        RETURN;
    END IF;
    IF NOT (p_status = 'open' AND v_status IN ('draft', 'scheduled')
            OR p_status = 'closed' AND v_status = 'open'
            OR p_status = 'cancelled' AND v_status IN ('draft', 'scheduled', 'open')) THEN
        RAISE EXCEPTION 'an event that is % can''t become %', v_status, p_status USING ERRCODE = 'VT409';
    END IF;
    IF p_status = 'open' AND p_ballot IS DISTINCT FROM ballot_of(v_no) AND p_ballot_seal IS NOT NULL THEN
        RAISE EXCEPTION 'the ballot has changed meanwhile' USING ERRCODE = 'VT503';
    END IF;
    UPDATE events e SET status = p_status, status_at = clock_timestamp(),
                        ballot_seal = CASE p_status WHEN 'open' THEN p_ballot_seal ELSE e.ballot_seal END
    WHERE e.event_no = v_no;
    INSERT INTO audit_log (actor, action, event_id, trace_id) VALUES (p_actor, 'event.' || p_status, p_event_id, p_trace_id);
    PERFORM emit_event_change(v_no);
    RETURN QUERY SELECT e.status, e.status_at FROM events e WHERE e.event_no = v_no;
END
$$;

-- For processes of before this migration.
CREATE OR REPLACE FUNCTION change_event_status(p_event_id uuid, p_status text, p_actor uuid, p_trace_id text)
RETURNS TABLE (status text, status_at timestamptz)
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT status, status_at FROM change_event_status(p_event_id, p_status, p_actor, p_trace_id, NULL, NULL)
$$;

-- What the schedule says is due, by the database's clock.
CREATE FUNCTION due_changes() RETURNS TABLE (event_id uuid, becomes text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT event_id, CASE status WHEN 'open' THEN 'closed' ELSE 'open' END
    FROM events
    WHERE status = 'scheduled' AND opens_at <= clock_timestamp() OR status = 'open' AND closes_at <= clock_timestamp()
    ORDER BY event_no
$$;

-- When something is due next; null: nothing is scheduled.
CREATE FUNCTION next_due_at() RETURNS timestamptz
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT min(CASE status WHEN 'open' THEN closes_at ELSE opens_at END) FROM events WHERE status IN ('scheduled', 'open')
$$;

-- Carries out one change that is due, in the same way as a host would; nothing happens when it isn't due any more, or
-- somebody else was first. The lock is taken before the clock is asked, so a schedule that was changed meanwhile counts.
CREATE FUNCTION carry_out(p_event_id uuid, p_becomes text, p_ballot text, p_ballot_seal bytea) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(event_lock_class(), event_no) FROM events WHERE event_id = p_event_id;
    PERFORM FROM due_changes() WHERE event_id = p_event_id AND becomes = p_becomes;
    IF FOUND THEN
        PERFORM change_event_status(p_event_id, p_becomes, NULL, NULL, p_ballot, p_ballot_seal);
    END IF;
END
$$;

-- Makes an event once for each key of an actor: the same request under the same key answers with the same event.
-- p_key null: no key. SQLSTATE VT422: the key was used for another request.
CREATE FUNCTION create_event(
    p_event jsonb, p_key_no int, p_actor uuid, p_trace_id text, p_key text, p_request bytea
) RETURNS TABLE (event_no int, event_id uuid)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
#variable_conflict use_column
DECLARE
    v_no int;
    v_id uuid;
    v_request bytea;
BEGIN
    IF p_key IS NOT NULL THEN
        DELETE FROM idempotency_keys WHERE made_at < clock_timestamp() - interval '1 day';
        INSERT INTO idempotency_keys (actor, key, request) VALUES (p_actor, p_key, p_request) ON CONFLICT DO NOTHING;
        IF NOT FOUND THEN  -- the one who was first has committed by now
            SELECT k.request, k.event_id INTO v_request, v_id FROM idempotency_keys k WHERE k.actor = p_actor AND k.key = p_key;
            IF v_request IS DISTINCT FROM p_request THEN
                RAISE EXCEPTION 'the key was used for another request' USING ERRCODE = 'VT422';
            END IF;
            PERFORM emit_repeat();
            RETURN QUERY SELECT e.event_no, e.event_id FROM events e WHERE e.event_id = v_id;
            RETURN;
        END IF;
    END IF;
    SELECT made.event_no, made.event_id INTO v_no, v_id FROM create_event(p_event, p_key_no, p_actor, p_trace_id) AS made;
    UPDATE idempotency_keys SET event_id = v_id WHERE actor = p_actor AND key = p_key;
    RETURN QUERY SELECT v_no, v_id;
END
$$;

REVOKE ALL ON FUNCTION ballot_of, emit_repeat, due_changes, next_due_at, carry_out,
    change_event_status(uuid, text, uuid, text, text, bytea), create_event(jsonb, int, uuid, text, text, bytea) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION due_changes, next_due_at, carry_out, ballot_of,
    change_event_status(uuid, text, uuid, text, text, bytea), create_event(jsonb, int, uuid, text, text, bytea) TO vote_command;
GRANT EXECUTE ON FUNCTION ballot_of TO vote_auditor;

RESET ROLE;
