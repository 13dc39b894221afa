-- Events, their contestants, and the log of who did what. Takes no lock that anybody waits for: all objects are new.

SET ROLE vote_ledger_owner;

-- Outside, an event has a UUID; in the ledger a number, so that a row and its WAL message are short.
CREATE TABLE events (
    event_no           int GENERATED ALWAYS AS IDENTITY PRIMARY KEY CHECK (event_no < 268435456),  -- 28 bits in a vote_id
    event_id           uuid NOT NULL UNIQUE DEFAULT gen_random_uuid(),
    event_name         text NOT NULL,
    event_description  text,
    status             text NOT NULL DEFAULT 'draft'
                       CHECK (status IN ('draft', 'scheduled', 'open', 'closed', 'cancelled')),
    status_at          timestamptz NOT NULL DEFAULT clock_timestamp(),
    opens_at           timestamptz,
    closes_at          timestamptz,
    results_visibility text NOT NULL DEFAULT 'public'
                       CHECK (results_visibility IN ('public', 'after_close', 'staff')),
    captcha            boolean NOT NULL DEFAULT false,
    expected_votes     bigint,
    modulus            smallint NOT NULL,  -- hash partitions of this event
    key_no             smallint NOT NULL,  -- receipt and seal keys, fixed: the same vote always has the same vote_id
    created_by         uuid NOT NULL,
    created_at         timestamptz NOT NULL DEFAULT clock_timestamp(),
    CHECK (opens_at < closes_at)
);

-- What the schedule has still to do; a handful of rows, whatever the number of events.
CREATE INDEX events_pending ON events (event_no) WHERE status IN ('scheduled', 'open');

CREATE TABLE contestants (
    event_no               int NOT NULL REFERENCES events,
    contestant_no          smallint NOT NULL,
    contestant_id          uuid NOT NULL UNIQUE DEFAULT gen_random_uuid(),
    contestant_name        text NOT NULL,
    contestant_description text NOT NULL,
    contestant_image_url   text NOT NULL,
    party                  text,
    PRIMARY KEY (event_no, contestant_no)
);

-- Who did what, when, from which trace. Append-only: services may only insert through functions.
CREATE TABLE audit_log (
    audit_no bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    actor    uuid,  -- null: the schedule
    action   text NOT NULL,
    event_id uuid,
    trace_id text,
    details  jsonb NOT NULL DEFAULT '{}'
);

GRANT SELECT ON events, contestants TO vote_command, vote_fanout, vote_query, vote_auditor;
GRANT SELECT ON audit_log TO vote_query, vote_auditor;

-- The first key of the advisory locks that order votes and changes of one event; the second is event_no.
-- A batch of votes takes it shared, every change of status, hours or contestants exclusively.
CREATE FUNCTION event_lock_class() RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 86607';

-- Puts a change of an event into the WAL, in order with the votes: fanout reads it there.
CREATE FUNCTION emit_event_change(p_event_no int) RETURNS void
LANGUAGE sql SET search_path = public, pg_temp AS $$
    SELECT pg_logical_emit_message(true, 'vote.event', json_build_object(
        'event_no', event_no, 'event_id', event_id, 'status', status,
        'at', to_char(status_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'))::text)
    FROM events WHERE event_no = p_event_no
$$;

-- Makes the tables of one event: an own list partition with p_modulus hash partitions, so that it can be
-- detached, archived and dropped without touching the others. Made standalone and then attached: CREATE …
-- PARTITION OF would take ACCESS EXCLUSIVE on votes and queue every vote behind any open reader. ATTACH takes
-- SHARE UPDATE EXCLUSIVE on votes, which neither readers nor inserts wait for, under a lock_timeout.
CREATE FUNCTION create_event_partitions(p_event_no int, p_modulus int) RETURNS void
LANGUAGE plpgsql SET search_path = public, pg_temp SET lock_timeout = '3s' AS $$
DECLARE
    votes_table text := format('votes_e%s', p_event_no);
    rejections_table text := format('vote_rejections_e%s', p_event_no);
BEGIN
    EXECUTE format('CREATE TABLE %I (LIKE votes INCLUDING DEFAULTS INCLUDING CONSTRAINTS,
                    PRIMARY KEY (event_no, voter)) PARTITION BY HASH (voter)', votes_table);
    FOR remainder IN 0 .. p_modulus - 1 LOOP
        EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES WITH (MODULUS %s, REMAINDER %s)',
                       votes_table || '_p' || remainder, votes_table, p_modulus, remainder);
    END LOOP;
    EXECUTE format('CREATE TABLE %I (LIKE vote_rejections INCLUDING DEFAULTS INCLUDING CONSTRAINTS,
                    PRIMARY KEY (event_no, voter, kind))', rejections_table);
    EXECUTE format('ALTER TABLE votes ATTACH PARTITION %I FOR VALUES IN (%s)', votes_table, p_event_no);
    EXECUTE format('ALTER TABLE vote_rejections ATTACH PARTITION %I FOR VALUES IN (%s)', rejections_table, p_event_no);
END
$$;

-- Makes an event with its contestants (a JSON array of objects, numbered 1…n in their order) and its partitions.
-- Its receipt and seal keys are p_key_no for ever.
CREATE FUNCTION create_event(p_event jsonb, p_key_no int, p_actor uuid, p_trace_id text)
RETURNS TABLE (event_no int, event_id uuid)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
#variable_conflict use_column
DECLARE
    v_no int;
    v_id uuid;
    v_expected bigint := (p_event ->> 'expected_votes')::bigint;
    v_modulus int := CASE WHEN v_expected < 100000 THEN 1 WHEN v_expected < 1000000 THEN 4 ELSE 16 END;
BEGIN
    INSERT INTO events (event_name, event_description, status, opens_at, closes_at, results_visibility, captcha,
                        expected_votes, modulus, key_no, created_by)
    VALUES (p_event ->> 'event_name', p_event ->> 'event_description',
            CASE WHEN p_event ->> 'opens_at' IS NULL THEN 'draft' ELSE 'scheduled' END,
            (p_event ->> 'opens_at')::timestamptz, (p_event ->> 'closes_at')::timestamptz,
            coalesce(p_event ->> 'results_visibility', 'public'), coalesce((p_event ->> 'captcha')::boolean, false),
            v_expected, v_modulus, p_key_no, p_actor)
    RETURNING events.event_no, events.event_id INTO v_no, v_id;
    INSERT INTO contestants (event_no, contestant_no, contestant_name, contestant_description, contestant_image_url, party)
    SELECT v_no, position, c ->> 'contestant_name', c ->> 'contestant_description', c ->> 'contestant_image_url', c ->> 'party'
    FROM jsonb_array_elements(p_event -> 'contestants') WITH ORDINALITY AS given (c, position);
    PERFORM create_event_partitions(v_no, v_modulus);
    INSERT INTO audit_log (actor, action, event_id, trace_id, details)
    VALUES (p_actor, 'event.create', v_id, p_trace_id, p_event);
    PERFORM emit_event_change(v_no);
    RETURN QUERY SELECT v_no, v_id;
END
$$;

-- Opens, closes or cancels an event: waits for the batches in flight (they hold the lock shared until their
-- commit is done) and keeps later ones out, so that after this commit no vote can slip in. The same change
-- again changes nothing and answers the same. SQLSTATE VT404: no such event; VT409: not from this status.
CREATE FUNCTION change_event_status(p_event_id uuid, p_status text, p_actor uuid, p_trace_id text)
RETURNS TABLE (status text, status_at timestamptz)
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
    IF v_status <> p_status THEN
        IF NOT (p_status = 'open' AND v_status IN ('draft', 'scheduled')
                OR p_status = 'closed' AND v_status = 'open'
                OR p_status = 'cancelled' AND v_status IN ('draft', 'scheduled', 'open')) THEN
            RAISE EXCEPTION 'an event that is % can''t become %', v_status, p_status USING ERRCODE = 'VT409';
        END IF;
        UPDATE events e SET status = p_status, status_at = clock_timestamp() WHERE e.event_no = v_no;
        INSERT INTO audit_log (actor, action, event_id, trace_id) VALUES (p_actor, 'event.' || p_status, p_event_id, p_trace_id);
        PERFORM emit_event_change(v_no);
    END IF;
    RETURN QUERY SELECT e.status, e.status_at FROM events e WHERE e.event_no = v_no;
END
$$;

-- Carries out what the schedule says is due, by the database's clock, and answers when it has to be called
-- again (null: nothing is scheduled). Any number of processes may call it: the first one does it.
CREATE FUNCTION apply_schedule() RETURNS timestamptz
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    due record;
BEGIN
    FOR due IN
        SELECT event_id, CASE status WHEN 'open' THEN 'closed' ELSE 'open' END AS becomes
        FROM events
        WHERE status = 'scheduled' AND opens_at <= clock_timestamp()
           OR status = 'open' AND closes_at <= clock_timestamp()
        ORDER BY event_no
    LOOP
        BEGIN
            PERFORM change_event_status(due.event_id, due.becomes, NULL, NULL);
        EXCEPTION WHEN SQLSTATE 'VT409' THEN
            NULL;  -- somebody else was first
        END;
    END LOOP;
    RETURN (SELECT min(CASE status WHEN 'open' THEN closes_at ELSE opens_at END)
            FROM events WHERE status IN ('scheduled', 'open'));
END
$$;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA public FROM PUBLIC;
GRANT EXECUTE ON FUNCTION create_event, change_event_status, apply_schedule TO vote_command;

RESET ROLE;
