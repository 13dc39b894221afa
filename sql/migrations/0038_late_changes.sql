-- Two changes of events that came at the wrong moment. Who activates an event opens it or ends its pause, whichever it needs
-- when it is locked, and by a key only once: a retry ends no pause that another host has made since. And an event whose
-- opening has passed takes no first contestant: its schedule would open it at once, before anybody could add a second.
-- Locks: none that anybody waits for (functions are replaced). Takes: milliseconds.
-- Expands: goes before the new command process. Old ones run on beside it: they activate nothing, and call the rest as they
-- did.

SET ROLE vote_ledger_owner;

-- What a host clicks; a pause, a resume or an activation that comes again with its key answers what is so by now. A cancel of
-- an event of two people that has opened changes nothing yet: expires_at says until when another one may confirm it. SQLSTATE
-- VT404, and as set_status.
CREATE OR REPLACE FUNCTION change_status(
    p_event_id uuid, p_action text, p_by actor, p_ballot text, p_ballot_seal bytea, p_key text DEFAULT NULL
) RETURNS TABLE (status text, status_at timestamptz, expires_at timestamptz)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
#variable_conflict use_column
DECLARE
    v_event events := locked_event(p_event_id);
    v_action text := CASE WHEN p_action <> 'activate' THEN p_action
                          WHEN v_event.status = 'paused' THEN 'resume' ELSE 'open' END;
BEGIN
    IF p_action IN ('pause', 'resume', 'activate') AND is_repeat(p_event_id, p_action, p_by, p_key) THEN
        PERFORM emit_repeat();
        RETURN QUERY SELECT v_event.status, v_event.status_at, NULL::timestamptz;
        RETURN;
    END IF;
    IF p_action = 'cancel' AND v_event.two_person AND v_event.status IN ('open', 'paused') THEN
        RETURN QUERY SELECT v_event.status, v_event.status_at, ask_confirmation(v_event, p_action, p_by);
        RETURN;
    END IF;
    RETURN QUERY SELECT s.status, s.status_at, NULL::timestamptz
                 FROM set_status(v_event, v_action, p_by, NULL, p_ballot, p_ballot_seal) AS s;
END
$$;

-- Adds a contestant behind the others; one that is there in every field is answered again. SQLSTATE VT404; VT409: the event
-- has opened or should have, or is full; 23505 of contestants_look_alike.
CREATE OR REPLACE FUNCTION add_contestant(p_event_id uuid, p_contestant jsonb, p_skeleton text, p_by actor) RETURNS contestants
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    v_event events := locked_draft(p_event_id);
    v_new contestants := jsonb_populate_record(NULL::contestants, p_contestant);
    v_there contestants;
BEGIN
    SELECT * INTO v_there FROM contestants c
    WHERE c.event_no = v_event.event_no AND c.contestant_name = v_new.contestant_name
      AND c.contestant_description = v_new.contestant_description
      AND c.contestant_image_url = v_new.contestant_image_url AND c.party IS NOT DISTINCT FROM v_new.party;
    IF FOUND THEN
        PERFORM emit_repeat();
        RETURN v_there;
    END IF;
    IF v_event.status = 'scheduled' AND v_event.opens_at <= clock_timestamp() THEN
        RAISE EXCEPTION 'can''t add a contestant once opens_at is past: move opens_at first' USING ERRCODE = 'VT409';
    END IF;
    IF (SELECT count(*) FROM contestants c WHERE c.event_no = v_event.event_no) >= 1000 OR v_event.contestants_made = 32767 THEN
        RAISE EXCEPTION 'the event has as many contestants as an event may have' USING ERRCODE = 'VT409';
    END IF;
    UPDATE events e SET contestants_made = contestants_made + 1 WHERE e.event_no = v_event.event_no;
    INSERT INTO contestants (event_no, contestant_no, order_no, contestant_name, contestant_description,
                             contestant_image_url, party, skeleton)
    VALUES (v_event.event_no, v_event.contestants_made + 1,
            (SELECT coalesce(max(order_no), 0) + 1 FROM contestants c WHERE c.event_no = v_event.event_no),
            v_new.contestant_name, v_new.contestant_description, v_new.contestant_image_url, v_new.party, p_skeleton)
    RETURNING * INTO v_new;
    PERFORM note_change(v_event.event_no, p_by, 'contestant.add', NULL, facts_of(v_new));
    RETURN v_new;
END
$$;

RESET ROLE;
