-- The life of an event on air: pauses, what the public is shown of the results (freeze, reveal), two people for what can't
-- be undone. Each change of an event is numbered, said in the WAL and to command processes (NOTIFY), and logged with what
-- was before and after. A vote's time lies within the time in which its event was open, whatever a caller's clock says.
-- Locks: ACCESS EXCLUSIVE on events and audit_log, until all of it is done. Votes and changes of events wait for it.
-- Takes: milliseconds, and some for thousands of events (each gets a short code).
-- Expands: goes before the new processes. Old ones run on beside it: they call change_event_status and create_event with
-- six arguments, which stay until a later migration that may drop them. They answer votes in a pause by 500, know no keys
-- of rehearsals and ask nobody to confirm: so pause nothing, and make no rehearsal and no event of two people, before all
-- of them are new. No process calls change_event_status/4, create_event/4, apply_schedule/0 and cast_votes/8 any more:
-- a later migration may drop them, once scripts of yours don't.

SET ROLE vote_ledger_owner;

ALTER TABLE events
    DROP CONSTRAINT events_status_check,
    ADD CONSTRAINT events_status_check
        CHECK (status IN ('draft', 'scheduled', 'open', 'paused', 'closed', 'cancelled')),
    ADD COLUMN change_no         int NOT NULL DEFAULT 0,          -- rises with each change of whatever kind
    ADD COLUMN frozen            boolean NOT NULL DEFAULT false,  -- the public sees the standings of display_at
    ADD COLUMN revealed          smallint CHECK (revealed > 0),   -- places shown, from the last up; null: no reveal yet
    ADD COLUMN display_at        timestamptz,                     -- of the last freeze, unfreeze or reveal
    ADD COLUMN rehearsal         boolean NOT NULL DEFAULT false,
    ADD COLUMN two_person        boolean NOT NULL DEFAULT false,  -- what can't be undone is confirmed by another one
    ADD COLUMN theme             jsonb,
    ADD COLUMN eligible_voters   bigint,
    ADD COLUMN previous_event_id uuid REFERENCES events (event_id),  -- the round before
    ADD COLUMN replaced_by       uuid REFERENCES events (event_id),  -- the rehearsal made anew
    ADD COLUMN short_code        text UNIQUE;

-- A rehearsal has keys of its own, of numbers that no real event has: so its receipts and seals are never a real one's.
ALTER TABLE events ADD CONSTRAINT events_rehearsal_keys CHECK (rehearsal = (key_no >= 16384));

DROP INDEX events_pending;
CREATE INDEX events_pending ON events (event_no) WHERE status IN ('scheduled', 'open', 'paused');

-- Entries of before have what they say in details.
ALTER TABLE audit_log ADD COLUMN role text, ADD COLUMN before jsonb, ADD COLUMN after jsonb;
CREATE INDEX audit_log_event ON audit_log (event_id, audit_no);

-- What one asked for that another one has to confirm.
CREATE TABLE confirmations (
    event_no   int NOT NULL REFERENCES events,
    action     text NOT NULL,
    asked_by   uuid NOT NULL,
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (event_no, action)
);
GRANT SELECT ON confirmations TO vote_auditor;

-- Who changes something; null: the schedule.
CREATE TYPE actor AS (user_id uuid, role text, trace_id text);

-- What people type to join: six characters that nobody mistakes for others, and that make no words. Two events may draw
-- the same, once in 387 million: whoever makes one draws again.
CREATE FUNCTION new_short_code() RETURNS text
LANGUAGE sql VOLATILE SET search_path = public, pg_temp AS $$
    SELECT string_agg(substr('23456789' || 'BCDFGHJK' || 'MNPQRSTV' || 'WXZ', 1 + floor(27 * random())::int, 1), '')
    FROM generate_series(1, 6)
$$;
UPDATE events SET short_code = new_short_code();
ALTER TABLE events ALTER COLUMN short_code SET DEFAULT new_short_code(), ALTER COLUMN short_code SET NOT NULL;

-- Puts an event as it is now into the WAL, in order with the votes: fanout reads it there.
CREATE OR REPLACE FUNCTION emit_event_change(p_event_no int) RETURNS void
LANGUAGE sql SET search_path = public, pg_temp AS $$
    SELECT pg_logical_emit_message(true, 'vote.event', json_build_object(
        'event_no', event_no, 'event_id', event_id, 'status', status,
        'at', to_char(status_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
        'change_no', change_no, 'visibility', results_visibility, 'frozen', frozen, 'revealed', revealed)::text)
    FROM events WHERE event_no = p_event_no
$$;

-- An event under its lock: the batches in flight have committed, and no change or vote comes in between until our own
-- commit. SQLSTATE VT404: no such event.
CREATE FUNCTION locked_event(p_event_id uuid) RETURNS events
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    v_event events;
BEGIN
    SELECT * INTO v_event FROM events e WHERE e.event_id = p_event_id;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'event not found' USING ERRCODE = 'VT404';
    END IF;
    PERFORM pg_advisory_xact_lock(event_lock_class(), v_event.event_no);
    SELECT * INTO v_event FROM events e WHERE e.event_no = v_event.event_no;
    RETURN v_event;
END
$$;

-- The end of each change: numbers it, logs it, says it in the WAL and to the command processes.
CREATE FUNCTION note_change(
    p_event_no int, p_by actor, p_action text, p_before jsonb, p_after jsonb, p_at timestamptz DEFAULT clock_timestamp()
) RETURNS void
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    v_event_id uuid;
BEGIN
    UPDATE events SET change_no = change_no + 1 WHERE event_no = p_event_no RETURNING event_id INTO v_event_id;
    INSERT INTO audit_log (at, actor, role, action, event_id, trace_id, before, after)
    VALUES (p_at, (p_by).user_id, (p_by).role, 'event.' || p_action, v_event_id, (p_by).trace_id, p_before, p_after);
    PERFORM emit_event_change(p_event_no);
    PERFORM pg_notify('event_change', v_event_id::text);
END
$$;

-- Opens, pauses, resumes, closes or cancels an event that is locked; the same again changes nothing and answers the same.
-- SQLSTATE VT409: not from this status; VT503: the ballot has changed since it was sealed.
CREATE FUNCTION set_status(p_event events, p_action text, p_by actor, p_asked_by uuid, p_ballot text, p_ballot_seal bytea)
RETURNS TABLE (status text, status_at timestamptz)
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
#variable_conflict use_column
DECLARE
    v_becomes text := CASE p_action WHEN 'open' THEN 'open' WHEN 'pause' THEN 'paused' WHEN 'resume' THEN 'open'
                                    WHEN 'close' THEN 'closed' WHEN 'cancel' THEN 'cancelled' END;
    v_from text[] := CASE p_action WHEN 'open' THEN '{draft,scheduled}' WHEN 'pause' THEN '{open}'
                                   WHEN 'resume' THEN '{paused}' WHEN 'close' THEN '{open,paused}'
                                   ELSE '{draft,scheduled,open,paused}' END;
    v_now timestamptz := clock_timestamp();
BEGIN
    IF p_event.status = v_becomes THEN
        PERFORM emit_repeat();
        RETURN QUERY SELECT p_event.status, p_event.status_at;
        RETURN;
    END IF;
    IF p_event.status <> ALL (v_from) THEN
        RAISE EXCEPTION 'can''t % an event that is %', p_action, p_event.status USING ERRCODE = 'VT409';
    END IF;
    IF v_becomes = 'open' AND (p_by).user_id IS NOT NULL AND p_event.closes_at <= v_now THEN
        RAISE EXCEPTION 'can''t % an event whose closes_at is past', p_action USING ERRCODE = 'VT409';
    END IF;
    IF p_action = 'open' AND NOT EXISTS (SELECT FROM contestants c WHERE c.event_no = p_event.event_no) THEN
        RAISE EXCEPTION 'can''t open an event without contestants' USING ERRCODE = 'VT409';
    END IF;
    IF p_action = 'open' AND p_ballot IS DISTINCT FROM ballot_of(p_event.event_no) AND p_ballot_seal IS NOT NULL THEN
        RAISE EXCEPTION 'the ballot has changed meanwhile' USING ERRCODE = 'VT503';
    END IF;
    UPDATE events e SET status = v_becomes, status_at = v_now,
                        ballot_seal = CASE p_action WHEN 'open' THEN p_ballot_seal ELSE e.ballot_seal END
    WHERE e.event_no = p_event.event_no;
    PERFORM note_change(p_event.event_no, p_by, p_action, jsonb_build_object('status', p_event.status),
                        jsonb_strip_nulls(jsonb_build_object('status', v_becomes, 'asked_by', p_asked_by)), v_now);
    RETURN QUERY SELECT v_becomes, v_now;
END
$$;

-- Whether this click was carried out before: its client says by a key that it comes again, after its answer was lost. Others
-- may have clicked meanwhile, so it changes nothing. SQLSTATE VT422: the key was used for something else.
CREATE FUNCTION is_repeat(p_event_id uuid, p_action text, p_by actor, p_key text) RETURNS boolean
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    v_request bytea := sha256(convert_to(p_event_id || ' ' || p_action, 'UTF8'));
BEGIN
    IF p_key IS NULL THEN
        RETURN false;
    END IF;
    INSERT INTO idempotency_keys (actor, key, request, event_id) VALUES ((p_by).user_id, p_key, v_request, p_event_id)
    ON CONFLICT DO NOTHING;
    IF FOUND THEN
        RETURN false;
    END IF;
    PERFORM FROM idempotency_keys k WHERE k.actor = (p_by).user_id AND k.key = p_key AND k.request = v_request;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the key was used for another request' USING ERRCODE = 'VT422';
    END IF;
    RETURN true;
END
$$;

-- What a host clicks; a pause or a resume that comes again with its key answers what is so by now. A cancel of an event of two people that has opened changes nothing yet: expires_at says until when
-- another one may confirm it. SQLSTATE VT404, and as set_status.
CREATE FUNCTION change_status(
    p_event_id uuid, p_action text, p_by actor, p_ballot text, p_ballot_seal bytea, p_key text DEFAULT NULL
) RETURNS TABLE (status text, status_at timestamptz, expires_at timestamptz)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
#variable_conflict use_column
DECLARE
    v_event events := locked_event(p_event_id);
BEGIN
    IF p_action IN ('pause', 'resume') AND is_repeat(p_event_id, p_action, p_by, p_key) THEN
        PERFORM emit_repeat();
        RETURN QUERY SELECT v_event.status, v_event.status_at, NULL::timestamptz;
        RETURN;
    END IF;
    IF p_action = 'cancel' AND v_event.two_person AND v_event.status IN ('open', 'paused') THEN
        RETURN QUERY SELECT v_event.status, v_event.status_at, ask_confirmation(v_event, p_action, p_by);
        RETURN;
    END IF;
    RETURN QUERY SELECT s.status, s.status_at, NULL::timestamptz
                 FROM set_status(v_event, p_action, p_by, NULL, p_ballot, p_ballot_seal) AS s;
END
$$;

-- Notes that somebody asks for what another one has to confirm, and until when. What was asked lately stands.
CREATE FUNCTION ask_confirmation(p_event events, p_action text, p_by actor) RETURNS timestamptz
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    v_expires_at timestamptz;
BEGIN
    SELECT c.expires_at INTO v_expires_at FROM confirmations c
    WHERE c.event_no = p_event.event_no AND c.action = p_action AND c.expires_at > clock_timestamp();
    IF FOUND THEN
        PERFORM emit_repeat();
        RETURN v_expires_at;
    END IF;
    INSERT INTO confirmations (event_no, action, asked_by, expires_at)
    VALUES (p_event.event_no, p_action, (p_by).user_id, clock_timestamp() + interval '5 minutes')
    ON CONFLICT (event_no, action) DO UPDATE SET asked_by = excluded.asked_by, expires_at = excluded.expires_at
    RETURNING confirmations.expires_at INTO v_expires_at;
    PERFORM note_change(p_event.event_no, p_by, p_action || '.asked', NULL, jsonb_build_object('expires_at', v_expires_at));
    RETURN v_expires_at;
END
$$;

-- Does what another one has asked for. SQLSTATE VT403: it was the same one; VT428: nobody has asked for it lately; and as
-- change_status.
CREATE FUNCTION confirm_change(p_event_id uuid, p_action text, p_by actor) RETURNS TABLE (status text, status_at timestamptz)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
#variable_conflict use_column
DECLARE
    v_event events := locked_event(p_event_id);
    v_asked confirmations;
BEGIN
    SELECT * INTO v_asked FROM confirmations c WHERE c.event_no = v_event.event_no AND c.action = p_action;
    IF v_asked.asked_by = (p_by).user_id THEN
        RAISE EXCEPTION 'whoever asked for it can''t confirm it' USING ERRCODE = 'VT403';
    END IF;
    IF v_asked IS NULL OR v_asked.expires_at <= clock_timestamp() AND v_event.status <> 'cancelled' THEN
        RAISE EXCEPTION 'nobody has asked for this within the last minutes' USING ERRCODE = 'VT428';
    END IF;
    RETURN QUERY SELECT s.status, s.status_at FROM set_status(v_event, p_action, p_by, v_asked.asked_by, NULL, NULL) AS s;
END
$$;

-- Freezes what the public sees, or lets it go on; what comes again with its key answers what is so by now. SQLSTATE VT404;
-- VT409: it hasn't opened or is cancelled, or a reveal has begun.
CREATE FUNCTION set_frozen(p_event_id uuid, p_frozen boolean, p_by actor, p_key text DEFAULT NULL)
RETURNS TABLE (frozen boolean, display_at timestamptz)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
#variable_conflict use_column
DECLARE
    v_event events := locked_event(p_event_id);
    v_action text := CASE WHEN p_frozen THEN 'freeze' ELSE 'unfreeze' END;
    v_now timestamptz := clock_timestamp();
BEGIN
    IF is_repeat(p_event_id, v_action, p_by, p_key) OR v_event.frozen = p_frozen THEN
        PERFORM emit_repeat();
        RETURN QUERY SELECT v_event.frozen, coalesce(v_event.display_at, v_event.status_at);
        RETURN;
    END IF;
    IF v_event.status NOT IN ('open', 'paused', 'closed') THEN
        RAISE EXCEPTION 'can''t % an event that is %', v_action, v_event.status USING ERRCODE = 'VT409';
    END IF;
    IF p_frozen AND v_event.revealed IS NOT NULL THEN
        RAISE EXCEPTION 'can''t freeze what is being revealed' USING ERRCODE = 'VT409';
    END IF;
    UPDATE events e SET frozen = p_frozen, display_at = v_now WHERE e.event_no = v_event.event_no;
    PERFORM note_change(v_event.event_no, p_by, v_action, jsonb_build_object('frozen', v_event.frozen),
                        jsonb_build_object('frozen', p_frozen), v_now);
    RETURN QUERY SELECT p_frozen, v_now;
END
$$;

-- Shows so many places from the last up (null: all) of a closed event whose results are held back; all of them end a
-- freeze. SQLSTATE VT404; VT409: it isn't closed, nothing is held back, or more was shown before.
CREATE FUNCTION reveal_results(p_event_id uuid, p_places int, p_by actor)
RETURNS TABLE (revealed smallint, display_at timestamptz)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
#variable_conflict use_column
DECLARE
    v_event events := locked_event(p_event_id);
    v_all int := (SELECT count(*) FROM contestants c WHERE c.event_no = v_event.event_no);
    v_places smallint := least(coalesce(p_places, v_all), v_all);
    v_now timestamptz := clock_timestamp();
BEGIN
    IF v_places = v_event.revealed THEN
        PERFORM emit_repeat();
        RETURN QUERY SELECT v_event.revealed, v_event.display_at;
        RETURN;
    END IF;
    IF v_event.status <> 'closed' THEN
        RAISE EXCEPTION 'can''t reveal an event that is %', v_event.status USING ERRCODE = 'VT409';
    END IF;
    IF v_places < v_event.revealed THEN
        RAISE EXCEPTION '% places are shown already', v_event.revealed USING ERRCODE = 'VT409';
    END IF;
    IF NOT v_event.frozen AND v_event.results_visibility <> 'staff' THEN
        RAISE EXCEPTION 'nothing of this event is held back' USING ERRCODE = 'VT409';
    END IF;
    UPDATE events e SET revealed = v_places, frozen = e.frozen AND v_places < v_all, display_at = v_now
    WHERE e.event_no = v_event.event_no;
    PERFORM note_change(v_event.event_no, p_by, 'reveal', jsonb_build_object('revealed', v_event.revealed),
                        jsonb_build_object('revealed', v_places), v_now);
    RETURN QUERY SELECT v_places, v_now;
END
$$;

-- The ledger's only door: a batch of votes of one event, one autocommit statement. Answers a row for each vote
-- that was not newly accepted (vote_index from 1; kinds as in answer_votes); no row means accepted at p_voted_at.
--
-- The row that is there already decides first, then the gate: so a retry after an unknown outcome gets its first
-- answer even when the event has closed meanwhile. The advisory lock is held until the commit is done: that is
-- what makes a close strict. Inserts are sorted, so that two batches can't deadlock. Each statement below has a
-- snapshot of its own (READ COMMITTED), so the gate is read after the lock was taken, and a winner of a conflict is seen.
--
-- The number must still be the event's own: after an older state of the server was put back, a caller may remember a
-- number that belongs to another event by now. An archived event is closed, whatever its status says, and keeps no
-- evidence.
--
-- A plain INSERT that meets a voter who is there has written rows for nothing, and they stay behind as dead ones: so it
-- is tried only when this connection has had no such batch for 5 seconds (vote.unsettled_at, Unix seconds).
--
-- No vote's time lies outside the time in which its event was open: a batch that was stamped before it opened (it waited
-- for the lock), or by a clock that is ahead, has to come again with another time.
--
-- Plans are for any event, as far as they read no partition: planning anew is most of what a small batch costs.
-- answer_votes() reads the partitions, and plans for its event.
--
-- Locks: the event's advisory lock, shared; ROW EXCLUSIVE on votes and on this event's partitions.
-- SQLSTATE VT500: wrong isolation or time, or a COMMIT that might not last; VT404: no such event under this number.
CREATE OR REPLACE FUNCTION cast_votes(
    p_event_no int, p_event_id uuid, p_voted_at timestamptz, p_voters bytea[], p_contestants smallint[],
    p_devices bigint[], p_regions text[], p_seals bytea[], p_refused smallint[]
) RETURNS TABLE (vote_index int, kind smallint, stored_at timestamptz)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
#variable_conflict use_column
DECLARE
    v_gate int;
    v_contestants smallint[];
    v_open_since timestamptz;
    v_unsettled_at float8 := nullif(current_setting('vote.unsettled_at', true), '');
    v_inserted int;
    v_new bytea[] := '{}';  -- the voters whose votes were inserted
    v_rest int[];  -- all other votes: their places in the batch, and what they say
    v_voters bytea[];
    v_chosen smallint[];
    v_refused smallint[];
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'cast_votes needs READ COMMITTED: the gate must be read after the lock' USING ERRCODE = 'VT500';
    END IF;
    IF current_setting('synchronous_commit') NOT IN ('on', 'remote_apply') OR current_setting('fsync') <> 'on' THEN
        RAISE EXCEPTION 'a COMMIT might not last: synchronous_commit is %, fsync is %',
            current_setting('synchronous_commit'), current_setting('fsync') USING ERRCODE = 'VT500';
    END IF;
    IF abs(extract(epoch FROM clock_timestamp() - p_voted_at)) > 5 THEN
        RAISE EXCEPTION 'the caller''s clock is off by more than 5 seconds' USING ERRCODE = 'VT500';
    END IF;
    PERFORM FROM events e WHERE e.event_no = p_event_no AND e.event_id = p_event_id;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'no such event' USING ERRCODE = 'VT404';
    END IF;
    PERFORM pg_advisory_xact_lock_shared(event_lock_class(), p_event_no);

    SELECT CASE WHEN e.status IN ('draft', 'scheduled') THEN 3
                WHEN e.status NOT IN ('open', 'paused') OR e.closes_at <= clock_timestamp()
                     -- As has_partition() says; a call of it would cost each batch more (SET search_path).
                     OR (SELECT c.relispartition FROM pg_class c
                         WHERE c.oid = to_regclass('votes_e' || p_event_no)) IS NOT TRUE THEN 4
                WHEN e.status = 'paused' THEN 7
                ELSE 1 END,
           ARRAY(SELECT c.contestant_no FROM contestants c WHERE c.event_no = e.event_no), e.status_at
    INTO v_gate, v_contestants, v_open_since FROM events e WHERE e.event_no = p_event_no;
    IF v_gate = 1 AND NOT p_voted_at BETWEEN v_open_since AND clock_timestamp() THEN
        RAISE EXCEPTION 'the votes'' time is before the opening or in the future' USING ERRCODE = 'VT500';
    END IF;

    IF v_gate = 1 AND extract(epoch FROM clock_timestamp()) - coalesce(v_unsettled_at, 0) > 5 THEN
        BEGIN
            INSERT INTO votes (voted_at, device, event_no, contestant_no, region, voter, seal)
            SELECT * FROM sorted_votes(p_event_no, p_voted_at, v_contestants, p_voters, p_contestants, p_devices, p_regions,
                                       p_seals, p_refused);
            GET DIAGNOSTICS v_inserted = ROW_COUNT;
            IF v_inserted = cardinality(p_voters) THEN
                RETURN;
            END IF;
        EXCEPTION WHEN unique_violation THEN
            NULL;  -- nothing of it was inserted
        END;
    END IF;
    IF v_gate = 1 THEN
        WITH inserted AS (
            INSERT INTO votes (voted_at, device, event_no, contestant_no, region, voter, seal)
            SELECT * FROM sorted_votes(p_event_no, p_voted_at, v_contestants, p_voters, p_contestants, p_devices, p_regions,
                                       p_seals, p_refused)
            ON CONFLICT DO NOTHING RETURNING voter
        )
        SELECT coalesce(array_agg(voter), '{}') INTO v_new FROM inserted;
        IF cardinality(v_new) = cardinality(p_voters) THEN
            RETURN;
        END IF;
    END IF;
    PERFORM set_config('vote.unsettled_at', extract(epoch FROM clock_timestamp())::text, false);

    SELECT array_agg(batch.vote_index), array_agg(batch.voter), array_agg(batch.contestant_no), array_agg(batch.refused)
    INTO v_rest, v_voters, v_chosen, v_refused
    FROM unnest(p_voters, p_contestants, p_refused) WITH ORDINALITY AS batch (voter, contestant_no, refused, vote_index)
    WHERE batch.voter NOT IN (SELECT unnest(v_new));
    IF cardinality(v_new) + coalesce(cardinality(v_rest), 0) < cardinality(p_voters) THEN  -- a new voter is there twice
        v_rest := ARRAY(SELECT generate_subscripts(p_voters, 1));
        v_voters := p_voters;
        v_chosen := p_contestants;
        v_refused := p_refused;
    END IF;

    -- A retry must not be acked before its row is as durable as a new one: this makes our own COMMIT wait for it.
    PERFORM pg_logical_emit_message(true, 'vote.retry', '');
    RETURN QUERY
    WITH answers AS MATERIALIZED (
        SELECT v_rest[a.vote_index] AS vote_index, a.kind, a.contestant_no, a.voter, a.stored_at
        FROM answer_votes(p_event_no, v_gate, v_voters, v_chosen, v_refused) AS a
    ), evidence AS (
        INSERT INTO vote_rejections (rejected_at, event_no, contestant_no, kind, voter)
        SELECT p_voted_at, p_event_no, a.contestant_no, a.kind, a.voter FROM answers a
        WHERE a.kind >= 2 AND has_partition('vote_rejections', p_event_no)
        ORDER BY a.voter, a.kind, a.vote_index
        ON CONFLICT DO NOTHING
    )
    SELECT a.vote_index, a.kind, a.stored_at FROM answers a;
END
$$;

-- What the schedule will do, and when: an event without contestants waits for one.
CREATE FUNCTION pending_changes() RETURNS TABLE (event_no int, event_id uuid, becomes text, due_at timestamptz)
LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    SELECT e.event_no, e.event_id, CASE e.status WHEN 'scheduled' THEN 'open' ELSE 'closed' END,
           CASE e.status WHEN 'scheduled' THEN e.opens_at ELSE e.closes_at END
    FROM events e
    WHERE e.status IN ('scheduled', 'open', 'paused')
      AND (e.status <> 'scheduled' OR EXISTS (SELECT FROM contestants c WHERE c.event_no = e.event_no))
$$;

-- What the schedule says is due, by the database's clock.
CREATE OR REPLACE FUNCTION due_changes() RETURNS TABLE (event_id uuid, becomes text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT event_id, becomes FROM pending_changes() WHERE due_at <= clock_timestamp() ORDER BY event_no
$$;

-- When something is due next; null: nothing is scheduled.
CREATE OR REPLACE FUNCTION next_due_at() RETURNS timestamptz
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT min(due_at) FROM pending_changes()
$$;

-- Carries out one change that is due, in the same way as a host would; nothing happens when it isn't due any more, or
-- somebody else was first. The lock is taken before the clock is asked, so a schedule that was changed meanwhile counts.
CREATE OR REPLACE FUNCTION carry_out(p_event_id uuid, p_becomes text, p_ballot text, p_ballot_seal bytea) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    v_event events := locked_event(p_event_id);
BEGIN
    PERFORM FROM due_changes() WHERE event_id = p_event_id AND becomes = p_becomes;
    IF FOUND THEN
        PERFORM set_status(v_event, CASE p_becomes WHEN 'open' THEN 'open' ELSE 'close' END, NULL, NULL, p_ballot,
                           p_ballot_seal);
    END IF;
END
$$;

-- For processes of before this migration.
CREATE OR REPLACE FUNCTION change_event_status(
    p_event_id uuid, p_status text, p_actor uuid, p_trace_id text, p_ballot text, p_ballot_seal bytea
) RETURNS TABLE (status text, status_at timestamptz)
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT status, status_at
    FROM change_status(p_event_id, CASE p_status WHEN 'closed' THEN 'close' WHEN 'cancelled' THEN 'cancel' ELSE p_status END,
                       ROW(p_actor, NULL, p_trace_id)::actor, p_ballot, p_ballot_seal)
$$;

REVOKE ALL ON FUNCTION new_short_code, locked_event, note_change, set_status, is_repeat, change_status, ask_confirmation,
    confirm_change, set_frozen, reveal_results, pending_changes FROM PUBLIC;
GRANT EXECUTE ON FUNCTION change_status, confirm_change, set_frozen, reveal_results TO vote_command;

RESET ROLE;
