-- Events may ask how well it must be known who votes. Checked by the command process before a vote comes here, so a vote
-- below it leaves no row.
-- Locks: ACCESS EXCLUSIVE on events for a moment (a column with a constant default: nothing is rewritten). Votes wait for it.
-- Takes: milliseconds.
-- Goes before the new command process. An old one runs on beside it, and heeds no event's assurance_min: so let no event
-- ask for one before all of them are new.

SET ROLE vote_ledger_owner;

-- The least assurance of an access token that may vote, from weak to strong; fixed when the event is made.
ALTER TABLE events ADD COLUMN assurance_min text NOT NULL DEFAULT 'password'
    CHECK (assurance_min IN ('password', 'mail', 'federated', 'attested'));

-- Makes an event with its contestants (a JSON array of objects, numbered 1…n in their order) and its partitions.
-- Its receipt and seal keys are p_key_no for ever.
CREATE OR REPLACE FUNCTION create_event(p_event jsonb, p_key_no int, p_actor uuid, p_trace_id text)
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
                        expected_votes, assurance_min, modulus, key_no, created_by)
    VALUES (p_event ->> 'event_name', p_event ->> 'event_description',
            CASE WHEN p_event ->> 'opens_at' IS NULL THEN 'draft' ELSE 'scheduled' END,
            (p_event ->> 'opens_at')::timestamptz, (p_event ->> 'closes_at')::timestamptz,
            coalesce(p_event ->> 'results_visibility', 'public'), coalesce((p_event ->> 'captcha')::boolean, false),
            v_expected, coalesce(p_event ->> 'assurance_min', 'password'), v_modulus, p_key_no, p_actor)
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

RESET ROLE;
