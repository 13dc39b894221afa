-- A round that is closed can be declared void: its status becomes cancelled, and why is kept and logged. Its votes, tallies
-- and receipts stay as they are; nothing is counted or taken back, and it isn't undone. Where events ask for two people,
-- another one has to confirm it. What somebody asked for is shown to staff while it waits: so readers may see it.
-- Locks: ACCESS EXCLUSIVE on events and confirmations, for a moment. Takes: milliseconds; there is nothing to rewrite.
-- Expands: goes before the new processes. Old ones run on beside it; they show a void round as cancelled, and the time of
-- its being voided as its end. So void nothing before all of them are new.

SET ROLE vote_ledger_owner;

ALTER TABLE events
    ADD COLUMN void_reason text,       -- null: it isn't void
    ADD COLUMN closed_at timestamptz,  -- of a void one: when its voting ended, since status_at is when it was voided
    ADD CONSTRAINT events_void CHECK (void_reason IS NULL OR (status = 'cancelled' AND closed_at IS NOT NULL));

ALTER TABLE confirmations
    ADD COLUMN role text,    -- in which it was asked; null: before this migration
    ADD COLUMN reason text;  -- of a void round
GRANT SELECT ON confirmations TO vote_query;

-- Opens, pauses, resumes, closes, cancels or voids an event that is locked; the same again changes nothing and answers the
-- same. p_reason: of a void round. SQLSTATE VT409: not from this status; VT503: the ballot has changed since it was sealed.
DROP FUNCTION set_status(events, text, actor, uuid, text, bytea);
CREATE FUNCTION set_status(
    p_event events, p_action text, p_by actor, p_asked_by uuid, p_ballot text, p_ballot_seal bytea, p_reason text DEFAULT NULL
) RETURNS TABLE (status text, status_at timestamptz)
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
#variable_conflict use_column
DECLARE
    v_becomes text := CASE p_action WHEN 'open' THEN 'open' WHEN 'pause' THEN 'paused' WHEN 'resume' THEN 'open'
                                    WHEN 'close' THEN 'closed' WHEN 'cancel' THEN 'cancelled' WHEN 'void' THEN 'cancelled' END;
    v_from text[] := CASE p_action WHEN 'open' THEN '{draft,scheduled}' WHEN 'pause' THEN '{open}'
                                   WHEN 'resume' THEN '{paused}' WHEN 'close' THEN '{open,paused}'
                                   WHEN 'void' THEN '{closed}' ELSE '{draft,scheduled,open,paused}' END;
    v_now timestamptz := clock_timestamp();
BEGIN
    IF p_event.status = v_becomes AND (p_action <> 'void' OR p_event.void_reason IS NOT NULL) THEN
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
    UPDATE events e SET status = v_becomes, status_at = v_now, void_reason = p_reason,
                        closed_at = CASE p_action WHEN 'void' THEN p_event.status_at END,
                        ballot_seal = CASE p_action WHEN 'open' THEN p_ballot_seal ELSE e.ballot_seal END
    WHERE e.event_no = p_event.event_no;
    PERFORM note_change(p_event.event_no, p_by, p_action, jsonb_build_object('status', p_event.status), jsonb_strip_nulls(
        jsonb_build_object('status', v_becomes, 'asked_by', p_asked_by, 'reason', p_reason)), v_now);
    RETURN QUERY SELECT v_becomes, v_now;
END
$$;

-- Notes that somebody asks for what another one has to confirm, why, and until when. What was asked lately stands.
DROP FUNCTION ask_confirmation(events, text, actor);
CREATE FUNCTION ask_confirmation(p_event events, p_action text, p_by actor, p_reason text DEFAULT NULL) RETURNS timestamptz
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
    INSERT INTO confirmations (event_no, action, asked_by, role, reason, expires_at)
    VALUES (p_event.event_no, p_action, (p_by).user_id, (p_by).role, p_reason, clock_timestamp() + interval '5 minutes')
    ON CONFLICT (event_no, action) DO UPDATE SET asked_by = excluded.asked_by, role = excluded.role, reason = excluded.reason,
                                                 expires_at = excluded.expires_at
    RETURNING confirmations.expires_at INTO v_expires_at;
    PERFORM note_change(p_event.event_no, p_by, p_action || '.asked', NULL, jsonb_strip_nulls(
        jsonb_build_object('expires_at', v_expires_at, 'reason', p_reason)));
    RETURN v_expires_at;
END
$$;

-- Declares a closed event void, for a reason; one of two people is only asked to be so: expires_at says until when another
-- one may confirm it. The same again changes nothing. SQLSTATE VT404; VT409: it isn't closed.
CREATE FUNCTION void_event(p_event_id uuid, p_reason text, p_by actor)
RETURNS TABLE (status text, status_at timestamptz, expires_at timestamptz)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
#variable_conflict use_column
DECLARE
    v_event events := locked_event(p_event_id);
BEGIN
    IF v_event.two_person AND v_event.status = 'closed' THEN
        RETURN QUERY SELECT v_event.status, v_event.status_at, ask_confirmation(v_event, 'void', p_by, p_reason);
        RETURN;
    END IF;
    RETURN QUERY SELECT s.status, s.status_at, NULL::timestamptz
                 FROM set_status(v_event, 'void', p_by, NULL, NULL, NULL, p_reason) AS s;
END
$$;

-- Does what another one has asked for, for the reason that they gave. SQLSTATE VT403: it was the same one; VT428: nobody has
-- asked for it lately; and as change_status and void_event.
CREATE OR REPLACE FUNCTION confirm_change(p_event_id uuid, p_action text, p_by actor)
RETURNS TABLE (status text, status_at timestamptz)
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
    IF v_asked.event_no IS NULL OR v_asked.expires_at <= clock_timestamp() AND v_event.status <> 'cancelled' THEN
        RAISE EXCEPTION 'nobody has asked for this within the last minutes' USING ERRCODE = 'VT428';
    END IF;
    RETURN QUERY SELECT s.status, s.status_at
                 FROM set_status(v_event, p_action, p_by, v_asked.asked_by, NULL, NULL, v_asked.reason) AS s;
END
$$;

REVOKE ALL ON FUNCTION set_status, ask_confirmation, void_event FROM PUBLIC;
GRANT EXECUTE ON FUNCTION void_event TO vote_command;

RESET ROLE;
