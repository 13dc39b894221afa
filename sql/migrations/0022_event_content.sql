-- What an event is made of can be changed: its own fields until it is over, its contestants until it opens; and it can be
-- made anew (a copy, the next round, a rehearsal's reset). A contestant's number is never another one's, whatever becomes
-- of either: so a process that remembers an old ballot can't cast a vote for the wrong one.
-- Locks: ACCESS EXCLUSIVE on events and contestants, until all of it is done. Votes and changes of events wait for it.
-- Takes: milliseconds, and some for thousands of events (all contestants are written again).
-- Expands: goes before the new processes. Old ones run on beside it (they call create_event with six arguments); they tell
-- no contestants that look alike, and remember an event's contestants and captcha for a second, or once it has opened for
-- good: so change no captcha of an open event before all of them are new.

SET ROLE vote_ledger_owner;

ALTER TABLE events ADD COLUMN contestants_made smallint NOT NULL DEFAULT 0;  -- the highest number ever given
UPDATE events e SET contestants_made = (SELECT count(*) FROM contestants c WHERE c.event_no = e.event_no);

ALTER TABLE contestants
    ADD COLUMN order_no smallint,  -- in which they are shown, from 1
    ADD COLUMN skeleton text,      -- the same for names that look alike; null: made by a process of before this migration
    ADD CONSTRAINT contestants_look_alike UNIQUE (event_no, skeleton);
UPDATE contestants SET order_no = contestant_no;
ALTER TABLE contestants ALTER COLUMN order_no SET NOT NULL;

-- Makes an event with its contestants (numbered 1…n in their order; skeletons in the same order) and its partitions.
-- Its receipt and seal keys are p_key_no for ever.
CREATE FUNCTION make_event(p_event jsonb, p_key_no int, p_by actor) RETURNS TABLE (event_no int, event_id uuid)
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
#variable_conflict use_column
DECLARE
    v_event events := jsonb_populate_record(NULL::events, p_event);
    v_no int;
    v_id uuid;
BEGIN
    LOOP
        INSERT INTO events (event_name, event_description, status, opens_at, closes_at, results_visibility, captcha,
                            expected_votes, eligible_voters, assurance_min, rehearsal, two_person, theme, previous_event_id,
                            modulus, key_no, contestants_made, created_by)
        VALUES (v_event.event_name, v_event.event_description,
                CASE WHEN v_event.opens_at IS NULL THEN 'draft' ELSE 'scheduled' END, v_event.opens_at, v_event.closes_at,
                coalesce(v_event.results_visibility, 'public'), coalesce(v_event.captcha, false), v_event.expected_votes,
                v_event.eligible_voters, coalesce(v_event.assurance_min, 'password'), coalesce(v_event.rehearsal, false),
                coalesce(v_event.two_person, false), v_event.theme, v_event.previous_event_id,
                CASE WHEN v_event.expected_votes < 100000 THEN 1 WHEN v_event.expected_votes < 1000000 THEN 4 ELSE 16 END,
                p_key_no, jsonb_array_length(p_event -> 'contestants'), (p_by).user_id)
        ON CONFLICT (short_code) DO NOTHING  -- then another one is drawn
        RETURNING events.event_no, events.event_id INTO v_no, v_id;
        EXIT WHEN FOUND;
    END LOOP;
    INSERT INTO contestants (event_no, contestant_no, order_no, contestant_name, contestant_description,
                             contestant_image_url, party, skeleton)
    SELECT v_no, place, place, c ->> 'contestant_name', c ->> 'contestant_description', c ->> 'contestant_image_url',
           c ->> 'party', p_event -> 'skeletons' ->> place::int - 1
    FROM jsonb_array_elements(p_event -> 'contestants') WITH ORDINALITY AS given (c, place);
    PERFORM create_event_partitions(v_no, (SELECT modulus FROM events e WHERE e.event_no = v_no));
    PERFORM note_change(v_no, p_by, 'create', NULL, p_event - 'skeletons');
    RETURN QUERY SELECT v_no, v_id;
END
$$;

-- Makes an event once for each key of an actor: the same request under the same key answers with the same event.
-- p_key null: no key. SQLSTATE VT422: the key was used for another request.
CREATE FUNCTION create_event(p_event jsonb, p_key_no int, p_by actor, p_key text, p_request bytea)
RETURNS TABLE (event_no int, event_id uuid)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
#variable_conflict use_column
DECLARE
    v_no int;
    v_id uuid;
    v_request bytea;
BEGIN
    IF p_key IS NOT NULL THEN
        DELETE FROM idempotency_keys WHERE made_at < clock_timestamp() - interval '1 day';
        INSERT INTO idempotency_keys (actor, key, request) VALUES ((p_by).user_id, p_key, p_request) ON CONFLICT DO NOTHING;
        IF NOT FOUND THEN  -- the one who was first has committed by now
            SELECT k.request, k.event_id INTO v_request, v_id
            FROM idempotency_keys k WHERE k.actor = (p_by).user_id AND k.key = p_key;
            IF v_request IS DISTINCT FROM p_request THEN
                RAISE EXCEPTION 'the key was used for another request' USING ERRCODE = 'VT422';
            END IF;
            PERFORM emit_repeat();
            RETURN QUERY SELECT e.event_no, e.event_id FROM events e WHERE e.event_id = v_id;
            RETURN;
        END IF;
    END IF;
    SELECT made.event_no, made.event_id INTO v_no, v_id FROM make_event(p_event, p_key_no, p_by) AS made;
    UPDATE idempotency_keys SET event_id = v_id WHERE actor = (p_by).user_id AND key = p_key;
    RETURN QUERY SELECT v_no, v_id;
END
$$;

-- For processes of before this migration.
CREATE OR REPLACE FUNCTION create_event(
    p_event jsonb, p_key_no int, p_actor uuid, p_trace_id text, p_key text, p_request bytea
) RETURNS TABLE (event_no int, event_id uuid)
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT event_no, event_id
    FROM create_event(p_event, p_key_no, ROW(p_actor, NULL, p_trace_id)::actor, p_key, p_request)
$$;
CREATE OR REPLACE FUNCTION create_event(p_event jsonb, p_key_no int, p_actor uuid, p_trace_id text)
RETURNS TABLE (event_no int, event_id uuid)
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT event_no, event_id FROM make_event(p_event, p_key_no, ROW(p_actor, NULL, p_trace_id)::actor)
$$;

-- What create_event() takes to make the same event anew, without its schedule; null: no such event.
CREATE FUNCTION draft_of(p_event_id uuid) RETURNS jsonb
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT jsonb_build_object(
        'event_name', e.event_name, 'event_description', e.event_description, 'results_visibility', e.results_visibility,
        'captcha', e.captcha, 'assurance_min', e.assurance_min, 'expected_votes', e.expected_votes,
        'eligible_voters', e.eligible_voters, 'rehearsal', e.rehearsal, 'two_person', e.two_person, 'theme', e.theme,
        'previous_event_id', e.previous_event_id, 'contestants', coalesce(jsonb_agg(jsonb_build_object(
            'contestant_id', c.contestant_id, 'contestant_name', c.contestant_name,
            'contestant_description', c.contestant_description, 'contestant_image_url', c.contestant_image_url,
            'party', c.party) ORDER BY c.order_no) FILTER (WHERE c.event_no IS NOT NULL), '[]'),
        'skeletons', coalesce(jsonb_agg(c.skeleton ORDER BY c.order_no) FILTER (WHERE c.event_no IS NOT NULL), '[]'))
    FROM events e LEFT JOIN contestants c USING (event_no)
    WHERE e.event_id = p_event_id
    GROUP BY e.event_no
$$;

-- Ends a rehearsal and makes it anew, once. SQLSTATE VT404; VT409: it is no rehearsal.
CREATE FUNCTION reset_event(p_event_id uuid, p_key_no int, p_by actor) RETURNS TABLE (event_no int, event_id uuid)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
#variable_conflict use_column
DECLARE
    v_event events := locked_event(p_event_id);
BEGIN
    IF NOT v_event.rehearsal THEN
        RAISE EXCEPTION 'only a rehearsal can be reset' USING ERRCODE = 'VT409';
    END IF;
    IF v_event.replaced_by IS NULL THEN
        IF v_event.status NOT IN ('closed', 'cancelled') THEN
            PERFORM set_status(v_event, 'cancel', p_by, NULL, NULL, NULL);
        END IF;
        SELECT made.event_id INTO v_event.replaced_by FROM make_event(draft_of(p_event_id), p_key_no, p_by) AS made;
        UPDATE events e SET replaced_by = v_event.replaced_by WHERE e.event_no = v_event.event_no;
        PERFORM note_change(v_event.event_no, p_by, 'reset', NULL, jsonb_build_object('replaced_by', v_event.replaced_by));
    END IF;
    PERFORM emit_repeat();
    RETURN QUERY SELECT e.event_no, e.event_id FROM events e WHERE e.event_id = v_event.replaced_by;
END
$$;

-- What differs between two rows: of the first, and of the second; both null when nothing does.
CREATE FUNCTION changed_fields(p_before jsonb, p_after jsonb, OUT before jsonb, OUT after jsonb)
LANGUAGE sql IMMUTABLE SET search_path = public, pg_temp AS $$
    SELECT jsonb_object_agg(key, p_before -> key), jsonb_object_agg(key, value)
    FROM jsonb_each(p_after) WHERE value IS DISTINCT FROM p_before -> key
$$;

-- Changes those of an event's own fields that p_changes names. SQLSTATE VT404; VT409: it is over, or voters have seen the
-- field; VT400: no such schedule.
CREATE FUNCTION edit_event(p_event_id uuid, p_changes jsonb, p_by actor) RETURNS events
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    v_old events := locked_event(p_event_id);
    v_new events := jsonb_populate_record(v_old, p_changes);
    v_changed record;
BEGIN
    IF v_old.status IN ('closed', 'cancelled') THEN
        RAISE EXCEPTION 'can''t change an event that is %', v_old.status USING ERRCODE = 'VT409';
    END IF;
    IF v_old.status IN ('open', 'paused') AND v_old.closes_at <= clock_timestamp() THEN
        RAISE EXCEPTION 'can''t change an event whose closes_at is past' USING ERRCODE = 'VT409';
    END IF;
    IF v_old.status IN ('draft', 'scheduled') THEN
        v_new.status := CASE WHEN v_new.opens_at IS NULL THEN 'draft' ELSE 'scheduled' END;
    END IF;
    SELECT * INTO v_changed FROM changed_fields(to_jsonb(v_old), to_jsonb(v_new));
    IF v_changed.after IS NULL THEN
        PERFORM emit_repeat();
        RETURN v_old;
    END IF;
    IF v_old.status IN ('open', 'paused') AND v_changed.after ?| '{event_name,opens_at}' THEN
        RAISE EXCEPTION 'event_name and opens_at are fixed once an event has opened' USING ERRCODE = 'VT409';
    END IF;
    IF v_old.status IN ('draft', 'scheduled') AND v_new.closes_at <= v_new.opens_at THEN
        RAISE EXCEPTION 'closes_at must be after opens_at' USING ERRCODE = 'VT400', COLUMN = 'closes_at';
    END IF;
    UPDATE events e
    SET event_name = v_new.event_name, event_description = v_new.event_description, opens_at = v_new.opens_at,
        closes_at = v_new.closes_at, results_visibility = v_new.results_visibility, captcha = v_new.captcha,
        theme = v_new.theme, status = v_new.status,
        status_at = CASE e.status WHEN v_new.status THEN e.status_at ELSE clock_timestamp() END
    WHERE e.event_no = v_old.event_no;
    PERFORM note_change(v_old.event_no, p_by, 'edit', v_changed.before, v_changed.after);
    SELECT * INTO v_new FROM events e WHERE e.event_no = v_old.event_no;
    RETURN v_new;
END
$$;

-- An event under its lock whose contestants may still be changed. SQLSTATE VT404; VT409: it has opened.
CREATE FUNCTION locked_draft(p_event_id uuid) RETURNS events
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    v_event events := locked_event(p_event_id);
BEGIN
    IF v_event.status NOT IN ('draft', 'scheduled') THEN
        RAISE EXCEPTION 'can''t change contestants of an event that is %', v_event.status USING ERRCODE = 'VT409';
    END IF;
    RETURN v_event;
END
$$;

-- What the log says of a contestant.
CREATE FUNCTION facts_of(p_contestant contestants) RETURNS jsonb
LANGUAGE sql IMMUTABLE SET search_path = public, pg_temp AS $$
    SELECT to_jsonb(p_contestant) - '{event_no,skeleton}'::text[]
$$;

-- Adds a contestant behind the others; one that is there in every field is answered again. SQLSTATE VT404; VT409: the event
-- has opened, or is full; 23505 of contestants_look_alike.
CREATE FUNCTION add_contestant(p_event_id uuid, p_contestant jsonb, p_skeleton text, p_by actor) RETURNS contestants
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

-- Changes those fields of a contestant that p_changes names (p_skeleton null: not the name); with order_no it goes to that
-- place among the others. SQLSTATE as add_contestant; VT404 names contestant_id.
CREATE FUNCTION edit_contestant(p_event_id uuid, p_contestant_id uuid, p_changes jsonb, p_skeleton text, p_by actor)
RETURNS contestants
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    v_event events := locked_draft(p_event_id);
    v_others int := (SELECT count(*) - 1 FROM contestants c WHERE c.event_no = v_event.event_no);
    v_old contestants;
    v_new contestants;
    v_changed record;
BEGIN
    SELECT * INTO v_old FROM contestants c WHERE c.event_no = v_event.event_no AND c.contestant_id = p_contestant_id;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'contestant not found' USING ERRCODE = 'VT404', COLUMN = 'contestant_id';
    END IF;
    v_old.order_no := (SELECT count(*) FROM contestants c WHERE c.event_no = v_event.event_no AND c.order_no <= v_old.order_no);
    v_new := jsonb_populate_record(v_old, p_changes);
    v_new.order_no := least(v_new.order_no, v_others + 1);
    SELECT * INTO v_changed FROM changed_fields(facts_of(v_old), facts_of(v_new));
    IF v_changed.after IS NULL THEN
        PERFORM emit_repeat();
        RETURN v_old;
    END IF;
    UPDATE contestants c
    SET contestant_name = v_new.contestant_name, contestant_description = v_new.contestant_description,
        contestant_image_url = v_new.contestant_image_url, party = v_new.party, skeleton = coalesce(p_skeleton, c.skeleton)
    WHERE c.event_no = v_event.event_no AND c.contestant_no = v_old.contestant_no;
    UPDATE contestants c SET order_no = placed.order_no
    FROM (SELECT o.contestant_no, row_number() OVER (ORDER BY o.order_no) AS order_no
          FROM contestants o WHERE o.event_no = v_event.event_no AND o.contestant_no <> v_old.contestant_no) AS others,
         LATERAL (SELECT others.order_no + (others.order_no >= v_new.order_no)::int AS order_no) AS placed
    WHERE c.event_no = v_event.event_no AND c.contestant_no = others.contestant_no;
    UPDATE contestants c SET order_no = v_new.order_no
    WHERE c.event_no = v_event.event_no AND c.contestant_no = v_old.contestant_no;
    PERFORM note_change(v_event.event_no, p_by, 'contestant.edit',
                        v_changed.before || jsonb_build_object('contestant_id', p_contestant_id), v_changed.after);
    RETURN v_new;
END
$$;

-- Takes a contestant out; the same again is known from the log. SQLSTATE VT404, also of the contestant; VT409: it has opened.
CREATE FUNCTION remove_contestant(p_event_id uuid, p_contestant_id uuid, p_by actor) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    v_event events := locked_draft(p_event_id);
    v_old contestants;
BEGIN
    DELETE FROM contestants c WHERE c.event_no = v_event.event_no AND c.contestant_id = p_contestant_id
    RETURNING * INTO v_old;
    IF FOUND THEN
        PERFORM note_change(v_event.event_no, p_by, 'contestant.remove', facts_of(v_old), NULL);
        RETURN;
    END IF;
    PERFORM FROM audit_log WHERE event_id = p_event_id AND action = 'event.contestant.remove'
                             AND before ->> 'contestant_id' = p_contestant_id::text;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'contestant not found' USING ERRCODE = 'VT404', COLUMN = 'contestant_id';
    END IF;
    PERFORM emit_repeat();
END
$$;

REVOKE ALL ON FUNCTION make_event, create_event(jsonb, int, actor, text, bytea), draft_of, reset_event, changed_fields,
    edit_event, locked_draft, facts_of, add_contestant, edit_contestant, remove_contestant FROM PUBLIC;
GRANT EXECUTE ON FUNCTION create_event(jsonb, int, actor, text, bytea), draft_of, reset_event, edit_event, add_contestant,
    edit_contestant, remove_contestant TO vote_command;

RESET ROLE;
