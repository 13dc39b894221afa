-- What the migrations beside this file add up to. Made by `python -m ops.schema_dump`; a test compares.

-- PostgreSQL database dump
-- Name: actor; Type: TYPE; Schema: public; Owner: vote_ledger_owner
CREATE TYPE public.actor AS (
	user_id uuid,
	role text,
	trace_id text
);
ALTER TYPE public.actor OWNER TO vote_ledger_owner;
-- Name: contestants; Type: TABLE; Schema: public; Owner: vote_ledger_owner
CREATE TABLE public.contestants (
    event_no integer NOT NULL,
    contestant_no smallint NOT NULL,
    contestant_id uuid DEFAULT gen_random_uuid() NOT NULL,
    contestant_name text NOT NULL,
    contestant_description text NOT NULL,
    contestant_image_url text NOT NULL,
    party text,
    order_no smallint NOT NULL,
    skeleton text
);
ALTER TABLE public.contestants OWNER TO vote_ledger_owner;
-- Name: add_contestant(uuid, jsonb, text, public.actor); Type: FUNCTION; Schema: public; Owner: vote_ledger_owner
CREATE FUNCTION public.add_contestant(p_event_id uuid, p_contestant jsonb, p_skeleton text, p_by public.actor) RETURNS public.contestants
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
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
ALTER FUNCTION public.add_contestant(p_event_id uuid, p_contestant jsonb, p_skeleton text, p_by public.actor) OWNER TO vote_ledger_owner;
-- Name: answer_votes(integer, integer, bytea[], smallint[], smallint[]); Type: FUNCTION; Schema: public; Owner: vote_ledger_owner
CREATE FUNCTION public.answer_votes(p_event_no integer, p_gate integer, p_voters bytea[], p_contestants smallint[], p_refused smallint[]) RETURNS TABLE(vote_index integer, kind smallint, contestant_no smallint, voter bytea, stored_at timestamp with time zone)
    LANGUAGE plpgsql STABLE
    SET search_path TO 'public', 'pg_temp'
    SET plan_cache_mode TO 'force_custom_plan'
    SET enable_seqscan TO 'off'
    SET enable_bitmapscan TO 'off'
    AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT batch.vote_index::int,
           CASE WHEN stored.contestant_no = batch.contestant_no THEN 1
                WHEN stored.contestant_no IS NOT NULL THEN 2
                WHEN batch.refused <> 0 THEN batch.refused
                WHEN known.contestant_no IS NULL THEN 0
                ELSE p_gate END::smallint,
           batch.contestant_no, batch.voter, stored.voted_at
    FROM unnest(p_voters, p_contestants, p_refused) WITH ORDINALITY AS batch (voter, contestant_no, refused, vote_index)
    LEFT JOIN LATERAL (SELECT v.contestant_no, v.voted_at FROM votes v
                       WHERE v.event_no = p_event_no AND v.voter = batch.voter LIMIT 1) AS stored ON true
    LEFT JOIN contestants known ON known.event_no = p_event_no AND known.contestant_no = batch.contestant_no;
END
$$;
ALTER FUNCTION public.answer_votes(p_event_no integer, p_gate integer, p_voters bytea[], p_contestants smallint[], p_refused smallint[]) OWNER TO vote_ledger_owner;
-- Name: new_short_code(); Type: FUNCTION; Schema: public; Owner: vote_ledger_owner
CREATE FUNCTION public.new_short_code() RETURNS text
    LANGUAGE sql
    SET search_path TO 'public', 'pg_temp'
    AS $$
    SELECT string_agg(substr('23456789' || 'BCDFGHJK' || 'MNPQRSTV' || 'WXZ', 1 + floor(27 * random())::int, 1), '')
    FROM generate_series(1, 6)
$$;
ALTER FUNCTION public.new_short_code() OWNER TO vote_ledger_owner;
-- Name: events; Type: TABLE; Schema: public; Owner: vote_ledger_owner
CREATE TABLE public.events (
    event_no integer NOT NULL,
    event_id uuid DEFAULT gen_random_uuid() NOT NULL,
    event_name text NOT NULL,
    event_description text,
    status text DEFAULT 'draft'::text NOT NULL,
    status_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    opens_at timestamp with time zone,
    closes_at timestamp with time zone,
    results_visibility text DEFAULT 'public'::text NOT NULL,
    captcha boolean DEFAULT false NOT NULL,
    expected_votes bigint,
    modulus smallint NOT NULL,
    key_no smallint NOT NULL,
    created_by uuid NOT NULL,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    ballot_seal bytea,
    opened_at timestamp with time zone,
    assurance_min text DEFAULT 'password'::text NOT NULL,
    change_no integer DEFAULT 0 NOT NULL,
    frozen boolean DEFAULT false NOT NULL,
    revealed smallint,
    display_at timestamp with time zone,
    rehearsal boolean DEFAULT false NOT NULL,
    two_person boolean DEFAULT false NOT NULL,
    theme jsonb,
    eligible_voters bigint,
    previous_event_id uuid,
    replaced_by uuid,
    short_code text DEFAULT public.new_short_code() NOT NULL,
    contestants_made smallint DEFAULT 0 NOT NULL,
    void_reason text,
    closed_at timestamp with time zone,
    CONSTRAINT events_assurance_min_check CHECK ((assurance_min = ANY (ARRAY['canary'::text, 'password'::text, 'mail'::text, 'federated'::text, 'attested'::text]))),
    CONSTRAINT events_ballot_seal_check CHECK ((octet_length(ballot_seal) = 16)),
    CONSTRAINT events_canary_rehearses CHECK (((assurance_min <> 'canary'::text) OR rehearsal)),
    CONSTRAINT events_check CHECK ((opens_at < closes_at)),
    CONSTRAINT events_event_no_check CHECK ((event_no < 268435456)),
    CONSTRAINT events_rehearsal_keys CHECK ((rehearsal = (key_no >= 16384))),
    CONSTRAINT events_results_visibility_check CHECK ((results_visibility = ANY (ARRAY['public'::text, 'after_close'::text, 'staff'::text]))),
    CONSTRAINT events_revealed_check CHECK ((revealed > 0)),
    CONSTRAINT events_status_check CHECK ((status = ANY (ARRAY['draft'::text, 'scheduled'::text, 'open'::text, 'paused'::text, 'closed'::text, 'cancelled'::text]))),
    CONSTRAINT events_void CHECK (((void_reason IS NULL) OR ((status = 'cancelled'::text) AND (closed_at IS NOT NULL))))
);
ALTER TABLE public.events OWNER TO vote_ledger_owner;
-- Name: ask_confirmation(public.events, text, public.actor, text); Type: FUNCTION; Schema: public; Owner: vote_ledger_owner
CREATE FUNCTION public.ask_confirmation(p_event public.events, p_action text, p_by public.actor, p_reason text DEFAULT NULL::text) RETURNS timestamp with time zone
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    AS $$
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
ALTER FUNCTION public.ask_confirmation(p_event public.events, p_action text, p_by public.actor, p_reason text) OWNER TO vote_ledger_owner;
-- Name: ballot_of(integer); Type: FUNCTION; Schema: public; Owner: vote_ledger_owner
CREATE FUNCTION public.ballot_of(p_event_no integer) RETURNS text
    LANGUAGE sql STABLE
    SET search_path TO 'public', 'pg_temp'
    AS $$
    SELECT json_build_array(e.event_no, e.event_id, e.event_name, (
        SELECT json_agg(json_build_array(c.contestant_no, c.contestant_id, c.contestant_name) ORDER BY c.contestant_no)
        FROM contestants c WHERE c.event_no = e.event_no))::text
    FROM events e WHERE e.event_no = p_event_no
$$;
ALTER FUNCTION public.ballot_of(p_event_no integer) OWNER TO vote_ledger_owner;
-- Name: carry_out(uuid, text, text, bytea); Type: FUNCTION; Schema: public; Owner: vote_ledger_owner
CREATE FUNCTION public.carry_out(p_event_id uuid, p_becomes text, p_ballot text, p_ballot_seal bytea) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
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
ALTER FUNCTION public.carry_out(p_event_id uuid, p_becomes text, p_ballot text, p_ballot_seal bytea) OWNER TO vote_ledger_owner;
-- Name: cast_traced_votes(integer, uuid, timestamp with time zone, bytea[], smallint[], bigint[], text[], bytea[], smallint[], integer[], text[]); Type: FUNCTION; Schema: public; Owner: vote_ledger_owner
CREATE FUNCTION public.cast_traced_votes(p_event_no integer, p_event_id uuid, p_voted_at timestamp with time zone, p_voters bytea[], p_contestants smallint[], p_devices bigint[], p_regions text[], p_seals bytea[], p_refused smallint[], p_traced integer[], p_traces text[]) RETURNS TABLE(vote_index integer, kind smallint, stored_at timestamp with time zone)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $_$
#variable_conflict use_column
DECLARE
    v_other int[] := '{}';  -- places of the votes that were not newly accepted
    v_entries text;
BEGIN
    FOR vote_index, kind, stored_at IN
        SELECT c.vote_index, c.kind, c.stored_at
        FROM cast_votes(p_event_no, p_event_id, p_voted_at, p_voters, p_contestants, p_devices, p_regions, p_seals,
                        p_refused) AS c
    LOOP
        v_other := v_other || vote_index;
        RETURN NEXT;
    END LOOP;
    SELECT string_agg(t.entry, ' ' ORDER BY t.place) INTO v_entries
    FROM unnest(p_traced[:64], p_traces[:64]) AS t (place, entry)
    WHERE t.entry ~ '^[0-9a-f]{32}-[0-9a-f]{16}$' AND t.place <> ALL (v_other);
    IF v_entries IS NOT NULL THEN
        PERFORM pg_logical_emit_message(true, 'vote.trace', p_event_no || ' ' || v_entries);
    END IF;
END
$_$;
ALTER FUNCTION public.cast_traced_votes(p_event_no integer, p_event_id uuid, p_voted_at timestamp with time zone, p_voters bytea[], p_contestants smallint[], p_devices bigint[], p_regions text[], p_seals bytea[], p_refused smallint[], p_traced integer[], p_traces text[]) OWNER TO vote_ledger_owner;
-- Name: cast_votes(integer, uuid, timestamp with time zone, bytea[], smallint[], bigint[], text[], bytea[], smallint[]); Type: FUNCTION; Schema: public; Owner: vote_ledger_owner
CREATE FUNCTION public.cast_votes(p_event_no integer, p_event_id uuid, p_voted_at timestamp with time zone, p_voters bytea[], p_contestants smallint[], p_devices bigint[], p_regions text[], p_seals bytea[], p_refused smallint[]) RETURNS TABLE(vote_index integer, kind smallint, stored_at timestamp with time zone)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
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
                WHEN e.status NOT IN ('open', 'paused') OR e.closes_at <= clock_timestamp() THEN 4
                -- As has_partition() says; a call of it would cost each batch more (SET search_path).
                WHEN (SELECT c.relispartition FROM pg_class c
                      WHERE c.oid = to_regclass('votes_e' || p_event_no)) IS NOT TRUE THEN NULL
                WHEN e.status = 'paused' THEN 7
                ELSE 1 END,
           ARRAY(SELECT c.contestant_no FROM contestants c WHERE c.event_no = e.event_no), e.status_at
    INTO v_gate, v_contestants, v_open_since FROM events e WHERE e.event_no = p_event_no;
    IF v_gate IS NULL THEN
        RAISE EXCEPTION 'the event''s votes are detached, though it is not over' USING ERRCODE = 'VT503';
    END IF;
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
ALTER FUNCTION public.cast_votes(p_event_no integer, p_event_id uuid, p_voted_at timestamp with time zone, p_voters bytea[], p_contestants smallint[], p_devices bigint[], p_regions text[], p_seals bytea[], p_refused smallint[]) OWNER TO vote_ledger_owner;
-- Name: change_status(uuid, text, public.actor, text, bytea, text); Type: FUNCTION; Schema: public; Owner: vote_ledger_owner
CREATE FUNCTION public.change_status(p_event_id uuid, p_action text, p_by public.actor, p_ballot text, p_ballot_seal bytea, p_key text DEFAULT NULL::text) RETURNS TABLE(status text, status_at timestamp with time zone, expires_at timestamp with time zone)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
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
ALTER FUNCTION public.change_status(p_event_id uuid, p_action text, p_by public.actor, p_ballot text, p_ballot_seal bytea, p_key text) OWNER TO vote_ledger_owner;
-- Name: changed_fields(jsonb, jsonb); Type: FUNCTION; Schema: public; Owner: vote_ledger_owner
CREATE FUNCTION public.changed_fields(p_before jsonb, p_after jsonb, OUT before jsonb, OUT after jsonb) RETURNS record
    LANGUAGE sql IMMUTABLE
    SET search_path TO 'public', 'pg_temp'
    AS $$
    SELECT jsonb_object_agg(key, p_before -> key), jsonb_object_agg(key, value)
    FROM jsonb_each(p_after) WHERE value IS DISTINCT FROM p_before -> key
$$;
ALTER FUNCTION public.changed_fields(p_before jsonb, p_after jsonb, OUT before jsonb, OUT after jsonb) OWNER TO vote_ledger_owner;
-- Name: confirm_change(uuid, text, public.actor); Type: FUNCTION; Schema: public; Owner: vote_ledger_owner
CREATE FUNCTION public.confirm_change(p_event_id uuid, p_action text, p_by public.actor) RETURNS TABLE(status text, status_at timestamp with time zone)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
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
ALTER FUNCTION public.confirm_change(p_event_id uuid, p_action text, p_by public.actor) OWNER TO vote_ledger_owner;
-- Name: count_choices(integer); Type: FUNCTION; Schema: public; Owner: vote_ledger_owner
CREATE FUNCTION public.count_choices(p_event_no integer) RETURNS TABLE(region text, contestant_no integer, votes bigint)
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    SET plan_cache_mode TO 'force_custom_plan'
    SET enable_sort TO 'off'
    SET work_mem TO '64MB'
    AS $$
BEGIN
    IF EXISTS (SELECT FROM events e WHERE e.event_no = p_event_no AND e.status IN ('closed', 'cancelled'))
        AND has_partition('votes', p_event_no)
    THEN
        RETURN QUERY
        WITH counted AS MATERIALIZED (
            SELECT v.region, v.contestant_no, count(*) AS votes FROM votes v WHERE v.event_no = p_event_no GROUP BY 1, 2
        ), regions AS (
            SELECT c.region, sum(c.votes) AS votes FROM counted c GROUP BY 1
        ), ordered AS (
            SELECT r.region, r.votes, sum(r.votes) OVER (ORDER BY r.votes, r.region) - r.votes AS of_smaller FROM regions r
        )
        SELECT coalesce(c.region, '--')::text, c.contestant_no::int, c.votes
        FROM counted c JOIN ordered o ON c.region IS NOT DISTINCT FROM o.region
        WHERE o.votes >= 10 AND o.of_smaller NOT BETWEEN 1 AND 9 AND (SELECT count(*) <= 10000 FROM counted);
    END IF;
END
$$;
ALTER FUNCTION public.count_choices(p_event_no integer) OWNER TO vote_ledger_owner;
-- Name: count_devices(integer, integer, integer); Type: FUNCTION; Schema: public; Owner: vote_ledger_owner
CREATE FUNCTION public.count_devices(p_event_no integer, p_slice integer, p_slices integer) RETURNS bigint
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    SET plan_cache_mode TO 'force_custom_plan'
    SET enable_sort TO 'off'
    SET work_mem TO '64MB'
    AS $$
BEGIN
    RETURN (SELECT count(*) FROM (
        SELECT FROM votes WHERE event_no = p_event_no AND device & (p_slices - 1) = p_slice GROUP BY device) AS devices);
END
$$;
ALTER FUNCTION public.count_devices(p_event_no integer, p_slice integer, p_slices integer) OWNER TO vote_ledger_owner;
-- Name: count_leaf(integer, integer); Type: FUNCTION; Schema: public; Owner: vote_ledger_owner
CREATE FUNCTION public.count_leaf(p_event_no integer, p_leaf integer) RETURNS TABLE(minute timestamp with time zone, region text, votes bigint)
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    SET enable_sort TO 'off'
    SET work_mem TO '64MB'
    AS $$
BEGIN
    IF has_partition('votes', p_event_no) THEN
        RETURN QUERY EXECUTE format(
            'WITH counted AS MATERIALIZED (
                 SELECT date_bin(''1 minute'', voted_at, ''epoch'') AS minute, region, count(*) AS votes FROM %I
                 GROUP BY 1, 2)
             SELECT minute, coalesce(region, ''--'')::text, sum(votes)::bigint FROM counted
             GROUP BY GROUPING SETS ((1), (2))', format('votes_e%s_p%s', p_event_no, p_leaf));
    END IF;
END
$$;
ALTER FUNCTION public.count_leaf(p_event_no integer, p_leaf integer) OWNER TO vote_ledger_owner;
-- Name: create_event(jsonb, integer, public.actor, text, bytea); Type: FUNCTION; Schema: public; Owner: vote_ledger_owner
CREATE FUNCTION public.create_event(p_event jsonb, p_key_no integer, p_by public.actor, p_key text, p_request bytea) RETURNS TABLE(event_no integer, event_id uuid)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
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
ALTER FUNCTION public.create_event(p_event jsonb, p_key_no integer, p_by public.actor, p_key text, p_request bytea) OWNER TO vote_ledger_owner;
-- Name: create_event_partitions(integer, integer); Type: FUNCTION; Schema: public; Owner: vote_ledger_owner
CREATE FUNCTION public.create_event_partitions(p_event_no integer, p_modulus integer) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    SET lock_timeout TO '3s'
    AS $$
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
    PERFORM create_evidence_partition(p_event_no);
END
$$;
ALTER FUNCTION public.create_event_partitions(p_event_no integer, p_modulus integer) OWNER TO vote_ledger_owner;
-- Name: create_evidence_partition(integer); Type: FUNCTION; Schema: public; Owner: vote_ledger_owner
CREATE FUNCTION public.create_evidence_partition(p_event_no integer) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    SET lock_timeout TO '3s'
    AS $$
DECLARE
    evidence_table text := format('vote_evidence_e%s', p_event_no);
BEGIN
    EXECUTE format('CREATE TABLE %I (LIKE vote_evidence INCLUDING DEFAULTS INCLUDING STORAGE)', evidence_table);
    EXECUTE format('ALTER TABLE vote_evidence ATTACH PARTITION %I FOR VALUES IN (%s)', evidence_table, p_event_no);
END
$$;
ALTER FUNCTION public.create_evidence_partition(p_event_no integer) OWNER TO vote_ledger_owner;
-- Name: draft_of(uuid); Type: FUNCTION; Schema: public; Owner: vote_ledger_owner
CREATE FUNCTION public.draft_of(p_event_id uuid) RETURNS jsonb
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
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
ALTER FUNCTION public.draft_of(p_event_id uuid) OWNER TO vote_ledger_owner;
-- Name: due_changes(); Type: FUNCTION; Schema: public; Owner: vote_ledger_owner
CREATE FUNCTION public.due_changes() RETURNS TABLE(event_id uuid, becomes text)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
    SELECT event_id, becomes FROM pending_changes() WHERE due_at <= clock_timestamp() ORDER BY event_no
$$;
ALTER FUNCTION public.due_changes() OWNER TO vote_ledger_owner;
-- Name: edit_contestant(uuid, uuid, jsonb, text, public.actor); Type: FUNCTION; Schema: public; Owner: vote_ledger_owner
CREATE FUNCTION public.edit_contestant(p_event_id uuid, p_contestant_id uuid, p_changes jsonb, p_skeleton text, p_by public.actor) RETURNS public.contestants
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
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
ALTER FUNCTION public.edit_contestant(p_event_id uuid, p_contestant_id uuid, p_changes jsonb, p_skeleton text, p_by public.actor) OWNER TO vote_ledger_owner;
-- Name: edit_event(uuid, jsonb, public.actor); Type: FUNCTION; Schema: public; Owner: vote_ledger_owner
CREATE FUNCTION public.edit_event(p_event_id uuid, p_changes jsonb, p_by public.actor) RETURNS public.events
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
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
ALTER FUNCTION public.edit_event(p_event_id uuid, p_changes jsonb, p_by public.actor) OWNER TO vote_ledger_owner;
-- Name: emit_event_change(integer); Type: FUNCTION; Schema: public; Owner: vote_ledger_owner
CREATE FUNCTION public.emit_event_change(p_event_no integer) RETURNS void
    LANGUAGE sql
    SET search_path TO 'public', 'pg_temp'
    AS $$
    SELECT pg_logical_emit_message(true, 'vote.event', json_build_object(
        'event_no', event_no, 'event_id', event_id, 'status', status,
        'at', to_char(status_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
        'change_no', change_no, 'visibility', results_visibility, 'frozen', frozen, 'revealed', revealed)::text)
    FROM events WHERE event_no = p_event_no
$$;
ALTER FUNCTION public.emit_event_change(p_event_no integer) OWNER TO vote_ledger_owner;
-- Name: emit_repeat(); Type: FUNCTION; Schema: public; Owner: vote_ledger_owner
CREATE FUNCTION public.emit_repeat() RETURNS void
    LANGUAGE sql
    SET search_path TO 'public', 'pg_temp'
    AS $$
    SELECT pg_logical_emit_message(true, 'vote.repeat', '')
$$;
ALTER FUNCTION public.emit_repeat() OWNER TO vote_ledger_owner;
-- Name: event_lock_class(); Type: FUNCTION; Schema: public; Owner: vote_ledger_owner
CREATE FUNCTION public.event_lock_class() RETURNS integer
    LANGUAGE sql IMMUTABLE
    AS $$SELECT 86607$$;
ALTER FUNCTION public.event_lock_class() OWNER TO vote_ledger_owner;
-- Name: facts_of(public.contestants); Type: FUNCTION; Schema: public; Owner: vote_ledger_owner
CREATE FUNCTION public.facts_of(p_contestant public.contestants) RETURNS jsonb
    LANGUAGE sql IMMUTABLE
    SET search_path TO 'public', 'pg_temp'
    AS $$
    SELECT to_jsonb(p_contestant) - '{event_no,skeleton}'::text[]
$$;
ALTER FUNCTION public.facts_of(p_contestant public.contestants) OWNER TO vote_ledger_owner;
-- Name: has_partition(text, integer); Type: FUNCTION; Schema: public; Owner: vote_ledger_owner
CREATE FUNCTION public.has_partition(p_table text, p_event_no integer) RETURNS boolean
    LANGUAGE sql STABLE
    SET search_path TO 'public', 'pg_temp'
    AS $$
    SELECT EXISTS (SELECT FROM pg_inherits
                   WHERE inhrelid = to_regclass(p_table || '_e' || p_event_no) AND inhparent = to_regclass(p_table)
                     AND NOT inhdetachpending)
$$;
ALTER FUNCTION public.has_partition(p_table text, p_event_no integer) OWNER TO vote_ledger_owner;
-- Name: history_of(uuid); Type: FUNCTION; Schema: public; Owner: vote_ledger_owner
CREATE FUNCTION public.history_of(p_event_id uuid) RETURNS TABLE(changed_at timestamp with time zone, added jsonb)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
    SELECT max(at), jsonb_object_agg(after ->> 'contestant_id', at) FILTER (WHERE action = 'event.contestant.add')
    FROM audit_log WHERE event_id = p_event_id
$$;
ALTER FUNCTION public.history_of(p_event_id uuid) OWNER TO vote_ledger_owner;
-- Name: is_repeat(uuid, text, public.actor, text); Type: FUNCTION; Schema: public; Owner: vote_ledger_owner
CREATE FUNCTION public.is_repeat(p_event_id uuid, p_action text, p_by public.actor, p_key text) RETURNS boolean
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    AS $$
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
ALTER FUNCTION public.is_repeat(p_event_id uuid, p_action text, p_by public.actor, p_key text) OWNER TO vote_ledger_owner;
-- Name: locked_draft(uuid); Type: FUNCTION; Schema: public; Owner: vote_ledger_owner
CREATE FUNCTION public.locked_draft(p_event_id uuid) RETURNS public.events
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    AS $$
DECLARE
    v_event events := locked_event(p_event_id);
BEGIN
    IF v_event.status NOT IN ('draft', 'scheduled') THEN
        RAISE EXCEPTION 'can''t change contestants of an event that is %', v_event.status USING ERRCODE = 'VT409';
    END IF;
    RETURN v_event;
END
$$;
ALTER FUNCTION public.locked_draft(p_event_id uuid) OWNER TO vote_ledger_owner;
-- Name: locked_event(uuid); Type: FUNCTION; Schema: public; Owner: vote_ledger_owner
CREATE FUNCTION public.locked_event(p_event_id uuid) RETURNS public.events
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    AS $$
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
ALTER FUNCTION public.locked_event(p_event_id uuid) OWNER TO vote_ledger_owner;
-- Name: make_event(jsonb, integer, public.actor); Type: FUNCTION; Schema: public; Owner: vote_ledger_owner
CREATE FUNCTION public.make_event(p_event jsonb, p_key_no integer, p_by public.actor) RETURNS TABLE(event_no integer, event_id uuid)
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    AS $$
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
ALTER FUNCTION public.make_event(p_event jsonb, p_key_no integer, p_by public.actor) OWNER TO vote_ledger_owner;
-- Name: next_due_at(); Type: FUNCTION; Schema: public; Owner: vote_ledger_owner
CREATE FUNCTION public.next_due_at() RETURNS timestamp with time zone
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
    SELECT min(due_at) FROM pending_changes()
$$;
ALTER FUNCTION public.next_due_at() OWNER TO vote_ledger_owner;
-- Name: note_change(integer, public.actor, text, jsonb, jsonb, timestamp with time zone); Type: FUNCTION; Schema: public; Owner: vote_ledger_owner
CREATE FUNCTION public.note_change(p_event_no integer, p_by public.actor, p_action text, p_before jsonb, p_after jsonb, p_at timestamp with time zone DEFAULT clock_timestamp()) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    AS $$
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
ALTER FUNCTION public.note_change(p_event_no integer, p_by public.actor, p_action text, p_before jsonb, p_after jsonb, p_at timestamp with time zone) OWNER TO vote_ledger_owner;
-- Name: note_opening(); Type: FUNCTION; Schema: public; Owner: vote_ledger_owner
CREATE FUNCTION public.note_opening() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    AS $$
BEGIN
    NEW.opened_at := NEW.status_at;
    RETURN NEW;
END
$$;
ALTER FUNCTION public.note_opening() OWNER TO vote_ledger_owner;
-- Name: pending_changes(); Type: FUNCTION; Schema: public; Owner: vote_ledger_owner
CREATE FUNCTION public.pending_changes() RETURNS TABLE(event_no integer, event_id uuid, becomes text, due_at timestamp with time zone)
    LANGUAGE sql STABLE
    SET search_path TO 'public', 'pg_temp'
    AS $$
    SELECT e.event_no, e.event_id, CASE e.status WHEN 'scheduled' THEN 'open' ELSE 'closed' END,
           CASE e.status WHEN 'scheduled' THEN e.opens_at ELSE e.closes_at END
    FROM events e
    WHERE e.status IN ('scheduled', 'open', 'paused')
      AND (e.status <> 'scheduled' OR EXISTS (SELECT FROM contestants c WHERE c.event_no = e.event_no))
$$;
ALTER FUNCTION public.pending_changes() OWNER TO vote_ledger_owner;
-- Name: remove_contestant(uuid, uuid, public.actor); Type: FUNCTION; Schema: public; Owner: vote_ledger_owner
CREATE FUNCTION public.remove_contestant(p_event_id uuid, p_contestant_id uuid, p_by public.actor) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
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
ALTER FUNCTION public.remove_contestant(p_event_id uuid, p_contestant_id uuid, p_by public.actor) OWNER TO vote_ledger_owner;
-- Name: request_recount(); Type: FUNCTION; Schema: public; Owner: vote_ledger_owner
CREATE FUNCTION public.request_recount() RETURNS void
    LANGUAGE sql
    SET search_path TO 'public', 'pg_temp'
    AS $$
    UPDATE fanout_checkpoint SET epoch = epoch + 1, digest = NULL
$$;
ALTER FUNCTION public.request_recount() OWNER TO vote_ledger_owner;
-- Name: require_tables(); Type: FUNCTION; Schema: public; Owner: vote_ledger_owner
CREATE FUNCTION public.require_tables() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    AS $$
BEGIN
    IF NOT (has_partition('votes', NEW.event_no) AND has_partition('vote_rejections', NEW.event_no)
            AND has_partition('vote_evidence', NEW.event_no)
            AND NEW.modulus = (SELECT count(*) FROM pg_inherits
                               WHERE inhparent = to_regclass('votes_e' || NEW.event_no) AND NOT inhdetachpending)) THEN
        RAISE EXCEPTION 'the event''s tables are missing or detached; a DBA has to make or attach them first'
            USING ERRCODE = 'VT409';
    END IF;
    RETURN NEW;
END
$$;
ALTER FUNCTION public.require_tables() OWNER TO vote_ledger_owner;
-- Name: reset_event(uuid, integer, public.actor); Type: FUNCTION; Schema: public; Owner: vote_ledger_owner
CREATE FUNCTION public.reset_event(p_event_id uuid, p_key_no integer, p_by public.actor) RETURNS TABLE(event_no integer, event_id uuid)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
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
ALTER FUNCTION public.reset_event(p_event_id uuid, p_key_no integer, p_by public.actor) OWNER TO vote_ledger_owner;
-- Name: reveal_results(uuid, integer, public.actor); Type: FUNCTION; Schema: public; Owner: vote_ledger_owner
CREATE FUNCTION public.reveal_results(p_event_id uuid, p_places integer, p_by public.actor) RETURNS TABLE(revealed smallint, display_at timestamp with time zone)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
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
ALTER FUNCTION public.reveal_results(p_event_id uuid, p_places integer, p_by public.actor) OWNER TO vote_ledger_owner;
-- Name: rfc3339(timestamp with time zone); Type: FUNCTION; Schema: public; Owner: vote_ledger_owner
CREATE FUNCTION public.rfc3339(p_moment timestamp with time zone) RETURNS text
    LANGUAGE sql STABLE
    RETURN to_char((p_moment AT TIME ZONE 'UTC'::text), 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'::text);
ALTER FUNCTION public.rfc3339(p_moment timestamp with time zone) OWNER TO vote_ledger_owner;
-- Name: rule_hits(uuid); Type: FUNCTION; Schema: public; Owner: vote_ledger_owner
CREATE FUNCTION public.rule_hits(p_event_id uuid) RETURNS jsonb
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    SET plan_cache_mode TO 'force_custom_plan'
    AS $$
DECLARE
    v_no int;
BEGIN
    SELECT e.event_no INTO v_no FROM events e WHERE e.event_id = p_event_id;
    IF v_no IS NULL THEN
        RETURN NULL;
    END IF;
    RETURN (
        WITH met AS (
            SELECT e.stored_at, hit ->> 'name' AS name, (hit ->> 'version')::int AS version, hit ->> 'action' AS action,
                   (hit ->> 'hits')::bigint AS hits, hit -> 'last' AS last
            FROM vote_evidence e, jsonb_array_elements(e.hits) AS hit
            WHERE e.event_no = v_no
        ), summed AS (
            SELECT m.name, m.version, m.action, sum(m.hits) AS hits FROM met m GROUP BY m.name, m.version, m.action
        )
        SELECT jsonb_build_object(
            'votes', (SELECT coalesce(sum(e.votes), 0) FROM vote_evidence e WHERE e.event_no = v_no),
            'rules', coalesce(jsonb_agg(jsonb_build_object(
                'name', s.name, 'version', s.version, 'action', s.action, 'hits', s.hits, 'last', (
                    SELECT jsonb_agg(jsonb_build_object(
                        'at', rfc3339(to_timestamp(latest.at_ms / 1000.0)),
                        'contestant_id', (SELECT c.contestant_id FROM contestants c
                                          WHERE c.event_no = v_no AND c.contestant_no = latest.contestant_no)
                    ) ORDER BY latest.at_ms DESC)
                    FROM (SELECT (vote ->> 0)::bigint AS at_ms, (vote ->> 1)::int AS contestant_no
                          FROM (SELECT m.last FROM met m
                                WHERE (m.name, m.version, m.action) = (s.name, s.version, s.action)
                                ORDER BY m.stored_at DESC LIMIT 10) AS blocks, jsonb_array_elements(blocks.last) AS vote
                          ORDER BY at_ms DESC LIMIT 10) AS latest)
            ) ORDER BY s.name, s.version), '[]'))
        FROM summed s);
END
$$;
ALTER FUNCTION public.rule_hits(p_event_id uuid) OWNER TO vote_ledger_owner;
-- Name: sealed_rows(integer, integer); Type: FUNCTION; Schema: public; Owner: vote_ledger_owner
CREATE FUNCTION public.sealed_rows(p_event_no integer, p_leaf integer) RETURNS SETOF bytea
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
BEGIN
    IF has_partition('votes', p_event_no) AND to_regclass(format('votes_e%s_p%s', p_event_no, p_leaf)) IS NOT NULL THEN
        RETURN QUERY EXECUTE format(
            'SELECT seal || int8send((extract(epoch FROM voted_at) * 1000000)::bigint) || int8send(coalesce(device, 0))
                 || int4send(event_no) || int2send(contestant_no)
                 || set_byte(''\x00'', 0, (device IS NOT NULL)::int + 2 * (region IS NOT NULL)::int)
                 || coalesce(convert_to(region, ''UTF8''), ''\x0000'') || voter FROM %I',
            format('votes_e%s_p%s', p_event_no, p_leaf));
    END IF;
END
$$;
ALTER FUNCTION public.sealed_rows(p_event_no integer, p_leaf integer) OWNER TO vote_ledger_owner;
-- Name: set_frozen(uuid, boolean, public.actor, text); Type: FUNCTION; Schema: public; Owner: vote_ledger_owner
CREATE FUNCTION public.set_frozen(p_event_id uuid, p_frozen boolean, p_by public.actor, p_key text DEFAULT NULL::text) RETURNS TABLE(frozen boolean, display_at timestamp with time zone)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
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
ALTER FUNCTION public.set_frozen(p_event_id uuid, p_frozen boolean, p_by public.actor, p_key text) OWNER TO vote_ledger_owner;
-- Name: set_status(public.events, text, public.actor, uuid, text, bytea, text); Type: FUNCTION; Schema: public; Owner: vote_ledger_owner
CREATE FUNCTION public.set_status(p_event public.events, p_action text, p_by public.actor, p_asked_by uuid, p_ballot text, p_ballot_seal bytea, p_reason text DEFAULT NULL::text) RETURNS TABLE(status text, status_at timestamp with time zone)
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    AS $$
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
ALTER FUNCTION public.set_status(p_event public.events, p_action text, p_by public.actor, p_asked_by uuid, p_ballot text, p_ballot_seal bytea, p_reason text) OWNER TO vote_ledger_owner;
-- Name: sorted_votes(integer, timestamp with time zone, smallint[], bytea[], smallint[], bigint[], text[], bytea[], smallint[]); Type: FUNCTION; Schema: public; Owner: vote_ledger_owner
CREATE FUNCTION public.sorted_votes(p_event_no integer, p_voted_at timestamp with time zone, p_known smallint[], p_voters bytea[], p_contestants smallint[], p_devices bigint[], p_regions text[], p_seals bytea[], p_refused smallint[]) RETURNS TABLE(voted_at timestamp with time zone, device bigint, event_no integer, contestant_no smallint, region text, voter bytea, seal bytea)
    LANGUAGE sql STABLE
    AS $$
    SELECT p_voted_at, batch.device, p_event_no, batch.contestant_no, batch.region, batch.voter, batch.seal
    FROM (SELECT unnest(p_voters) AS voter, unnest(p_contestants) AS contestant_no, unnest(p_devices) AS device,
                 unnest(p_regions) AS region, unnest(p_seals) AS seal, unnest(p_refused) AS refused,
                 generate_subscripts(p_voters, 1) AS vote_index) AS batch
    WHERE batch.refused = 0 AND batch.contestant_no = ANY (p_known)
    ORDER BY batch.voter, batch.vote_index
$$;
ALTER FUNCTION public.sorted_votes(p_event_no integer, p_voted_at timestamp with time zone, p_known smallint[], p_voters bytea[], p_contestants smallint[], p_devices bigint[], p_regions text[], p_seals bytea[], p_refused smallint[]) OWNER TO vote_ledger_owner;
-- Name: store_evidence(integer[], uuid[], integer[], jsonb[], bytea[]); Type: FUNCTION; Schema: public; Owner: vote_ledger_owner
CREATE FUNCTION public.store_evidence(p_event_nos integer[], p_event_ids uuid[], p_votes integer[], p_hits jsonb[], p_blocks bytea[]) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
BEGIN
    INSERT INTO vote_evidence (event_no, votes, hits, block)
    SELECT event_no, given.votes, given.hits, given.block
    FROM unnest(p_event_nos, p_event_ids, p_votes, p_hits, p_blocks) AS given (event_no, event_id, votes, hits, block)
    JOIN events e USING (event_no, event_id)
    WHERE has_partition('vote_evidence', event_no);
END
$$;
ALTER FUNCTION public.store_evidence(p_event_nos integer[], p_event_ids uuid[], p_votes integer[], p_hits jsonb[], p_blocks bytea[]) OWNER TO vote_ledger_owner;
-- Name: store_evidence(integer[], uuid[], integer[], jsonb[], bytea[], jsonb[]); Type: FUNCTION; Schema: public; Owner: vote_ledger_owner
CREATE FUNCTION public.store_evidence(p_event_nos integer[], p_event_ids uuid[], p_votes integer[], p_hits jsonb[], p_blocks bytea[], p_assurances jsonb[]) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
BEGIN
    PERFORM store_evidence(p_event_nos, p_event_ids, p_votes, p_hits, p_blocks);
    INSERT INTO vote_assurances (event_no, level, votes)
    SELECT event_no, counted.level, sum(counted.votes::bigint)
    FROM unnest(p_event_nos, p_event_ids, p_assurances) AS given (event_no, event_id, levels)
    JOIN events e USING (event_no, event_id), jsonb_each_text(given.levels) AS counted (level, votes)
    GROUP BY 1, 2 ORDER BY 1, 2  -- so that two of them can't deadlock
    ON CONFLICT (event_no, level) DO UPDATE SET votes = vote_assurances.votes + excluded.votes;
END
$$;
ALTER FUNCTION public.store_evidence(p_event_nos integer[], p_event_ids uuid[], p_votes integer[], p_hits jsonb[], p_blocks bytea[], p_assurances jsonb[]) OWNER TO vote_ledger_owner;
-- Name: void_event(uuid, text, public.actor); Type: FUNCTION; Schema: public; Owner: vote_ledger_owner
CREATE FUNCTION public.void_event(p_event_id uuid, p_reason text, p_by public.actor) RETURNS TABLE(status text, status_at timestamp with time zone, expires_at timestamp with time zone)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
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
ALTER FUNCTION public.void_event(p_event_id uuid, p_reason text, p_by public.actor) OWNER TO vote_ledger_owner;
-- Name: audit_log; Type: TABLE; Schema: public; Owner: vote_ledger_owner
CREATE TABLE public.audit_log (
    audit_no bigint NOT NULL,
    at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    actor uuid,
    action text NOT NULL,
    event_id uuid,
    trace_id text,
    details jsonb DEFAULT '{}'::jsonb NOT NULL,
    role text,
    before jsonb,
    after jsonb,
    operator text DEFAULT NULLIF(current_setting('vote.operator'::text, true), ''::text)
);
ALTER TABLE public.audit_log OWNER TO vote_ledger_owner;
-- Name: audit_log_audit_no_seq; Type: SEQUENCE; Schema: public; Owner: vote_ledger_owner
ALTER TABLE public.audit_log ALTER COLUMN audit_no ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.audit_log_audit_no_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
-- Name: confirmations; Type: TABLE; Schema: public; Owner: vote_ledger_owner
CREATE TABLE public.confirmations (
    event_no integer NOT NULL,
    action text NOT NULL,
    asked_by uuid NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    role text,
    reason text
);
ALTER TABLE public.confirmations OWNER TO vote_ledger_owner;
-- Name: events_event_no_seq; Type: SEQUENCE; Schema: public; Owner: vote_ledger_owner
ALTER TABLE public.events ALTER COLUMN event_no ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.events_event_no_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
-- Name: fanout_checkpoint; Type: TABLE; Schema: public; Owner: vote_ledger_owner
CREATE TABLE public.fanout_checkpoint (
    source text NOT NULL,
    epoch integer NOT NULL,
    system_id bigint NOT NULL,
    timeline integer NOT NULL,
    lsn pg_lsn NOT NULL,
    written_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    digest bigint
);
ALTER TABLE public.fanout_checkpoint OWNER TO vote_ledger_owner;
-- Name: frozen_tallies; Type: TABLE; Schema: public; Owner: vote_ledger_owner
CREATE TABLE public.frozen_tallies (
    event_no integer NOT NULL,
    lsn pg_lsn NOT NULL,
    as_of timestamp with time zone NOT NULL,
    votes jsonb NOT NULL
);
ALTER TABLE public.frozen_tallies OWNER TO vote_ledger_owner;
-- Name: idempotency_keys; Type: TABLE; Schema: public; Owner: vote_ledger_owner
CREATE TABLE public.idempotency_keys (
    actor uuid NOT NULL,
    key text NOT NULL,
    request bytea NOT NULL,
    event_id uuid,
    made_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT idempotency_keys_request_check CHECK ((octet_length(request) = 32))
);
ALTER TABLE public.idempotency_keys OWNER TO vote_ledger_owner;
-- Name: tallies; Type: TABLE; Schema: public; Owner: vote_ledger_owner
CREATE TABLE public.tallies (
    event_no integer NOT NULL,
    contestant_no smallint NOT NULL,
    votes bigint NOT NULL,
    lsn pg_lsn DEFAULT '0/0'::pg_lsn NOT NULL,
    as_of timestamp with time zone DEFAULT to_timestamp((0)::double precision) NOT NULL
);
ALTER TABLE public.tallies OWNER TO vote_ledger_owner;
-- Name: vote_assurances; Type: TABLE; Schema: public; Owner: vote_ledger_owner
CREATE TABLE public.vote_assurances (
    event_no integer NOT NULL,
    level text NOT NULL,
    votes bigint NOT NULL
);
ALTER TABLE public.vote_assurances OWNER TO vote_ledger_owner;
-- Name: vote_evidence; Type: TABLE; Schema: public; Owner: vote_ledger_owner
CREATE TABLE public.vote_evidence (
    stored_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    event_no integer NOT NULL,
    votes integer NOT NULL,
    hits jsonb NOT NULL,
    block bytea NOT NULL
)
PARTITION BY LIST (event_no);
ALTER TABLE ONLY public.vote_evidence ALTER COLUMN block SET STORAGE EXTERNAL;
ALTER TABLE public.vote_evidence OWNER TO vote_ledger_owner;
-- Name: vote_rejections; Type: TABLE; Schema: public; Owner: vote_ledger_owner
CREATE TABLE public.vote_rejections (
    rejected_at timestamp with time zone NOT NULL,
    event_no integer NOT NULL,
    contestant_no smallint NOT NULL,
    kind smallint NOT NULL,
    voter bytea NOT NULL
)
PARTITION BY LIST (event_no);
ALTER TABLE public.vote_rejections OWNER TO vote_ledger_owner;
-- Name: votes; Type: TABLE; Schema: public; Owner: vote_ledger_owner
CREATE TABLE public.votes (
    voted_at timestamp with time zone NOT NULL,
    device bigint,
    event_no integer NOT NULL,
    contestant_no smallint NOT NULL,
    region character(2),
    voter bytea NOT NULL,
    seal bytea NOT NULL,
    CONSTRAINT votes_seal_check CHECK ((octet_length(seal) = 16)),
    CONSTRAINT votes_voter_check CHECK ((octet_length(voter) = 12))
)
PARTITION BY LIST (event_no);
ALTER TABLE public.votes OWNER TO vote_ledger_owner;
-- Name: audit_log audit_log_pkey; Type: CONSTRAINT; Schema: public; Owner: vote_ledger_owner
ALTER TABLE ONLY public.audit_log
    ADD CONSTRAINT audit_log_pkey PRIMARY KEY (audit_no);
-- Name: confirmations confirmations_pkey; Type: CONSTRAINT; Schema: public; Owner: vote_ledger_owner
ALTER TABLE ONLY public.confirmations
    ADD CONSTRAINT confirmations_pkey PRIMARY KEY (event_no, action);
-- Name: contestants contestants_contestant_id_key; Type: CONSTRAINT; Schema: public; Owner: vote_ledger_owner
ALTER TABLE ONLY public.contestants
    ADD CONSTRAINT contestants_contestant_id_key UNIQUE (contestant_id);
-- Name: contestants contestants_look_alike; Type: CONSTRAINT; Schema: public; Owner: vote_ledger_owner
ALTER TABLE ONLY public.contestants
    ADD CONSTRAINT contestants_look_alike UNIQUE (event_no, skeleton);
-- Name: contestants contestants_pkey; Type: CONSTRAINT; Schema: public; Owner: vote_ledger_owner
ALTER TABLE ONLY public.contestants
    ADD CONSTRAINT contestants_pkey PRIMARY KEY (event_no, contestant_no);
-- Name: events events_event_id_key; Type: CONSTRAINT; Schema: public; Owner: vote_ledger_owner
ALTER TABLE ONLY public.events
    ADD CONSTRAINT events_event_id_key UNIQUE (event_id);
-- Name: events events_pkey; Type: CONSTRAINT; Schema: public; Owner: vote_ledger_owner
ALTER TABLE ONLY public.events
    ADD CONSTRAINT events_pkey PRIMARY KEY (event_no);
-- Name: events events_short_code_key; Type: CONSTRAINT; Schema: public; Owner: vote_ledger_owner
ALTER TABLE ONLY public.events
    ADD CONSTRAINT events_short_code_key UNIQUE (short_code);
-- Name: fanout_checkpoint fanout_checkpoint_pkey; Type: CONSTRAINT; Schema: public; Owner: vote_ledger_owner
ALTER TABLE ONLY public.fanout_checkpoint
    ADD CONSTRAINT fanout_checkpoint_pkey PRIMARY KEY (source);
-- Name: frozen_tallies frozen_tallies_pkey; Type: CONSTRAINT; Schema: public; Owner: vote_ledger_owner
ALTER TABLE ONLY public.frozen_tallies
    ADD CONSTRAINT frozen_tallies_pkey PRIMARY KEY (event_no);
-- Name: idempotency_keys idempotency_keys_pkey; Type: CONSTRAINT; Schema: public; Owner: vote_ledger_owner
ALTER TABLE ONLY public.idempotency_keys
    ADD CONSTRAINT idempotency_keys_pkey PRIMARY KEY (actor, key);
-- Name: tallies tallies_pkey; Type: CONSTRAINT; Schema: public; Owner: vote_ledger_owner
ALTER TABLE ONLY public.tallies
    ADD CONSTRAINT tallies_pkey PRIMARY KEY (event_no, contestant_no);
-- Name: vote_assurances vote_assurances_pkey; Type: CONSTRAINT; Schema: public; Owner: vote_ledger_owner
ALTER TABLE ONLY public.vote_assurances
    ADD CONSTRAINT vote_assurances_pkey PRIMARY KEY (event_no, level);
-- Name: vote_rejections vote_rejections_pkey; Type: CONSTRAINT; Schema: public; Owner: vote_ledger_owner
ALTER TABLE ONLY public.vote_rejections
    ADD CONSTRAINT vote_rejections_pkey PRIMARY KEY (event_no, voter, kind);
-- Name: votes votes_pkey; Type: CONSTRAINT; Schema: public; Owner: vote_ledger_owner
ALTER TABLE ONLY public.votes
    ADD CONSTRAINT votes_pkey PRIMARY KEY (event_no, voter);
-- Name: audit_log_actor; Type: INDEX; Schema: public; Owner: vote_ledger_owner
CREATE INDEX audit_log_actor ON public.audit_log USING btree (actor, audit_no);
-- Name: audit_log_event; Type: INDEX; Schema: public; Owner: vote_ledger_owner
CREATE INDEX audit_log_event ON public.audit_log USING btree (event_id, audit_no);
-- Name: events_pending; Type: INDEX; Schema: public; Owner: vote_ledger_owner
CREATE INDEX events_pending ON public.events USING btree (event_no) WHERE (status = ANY (ARRAY['scheduled'::text, 'open'::text, 'paused'::text]));
-- Name: idempotency_keys_age; Type: INDEX; Schema: public; Owner: vote_ledger_owner
CREATE INDEX idempotency_keys_age ON public.idempotency_keys USING btree (made_at);
-- Name: vote_evidence_time; Type: INDEX; Schema: public; Owner: vote_ledger_owner
CREATE INDEX vote_evidence_time ON ONLY public.vote_evidence USING btree (event_no, stored_at);
-- Name: events events_have_tables; Type: TRIGGER; Schema: public; Owner: vote_ledger_owner
CREATE TRIGGER events_have_tables BEFORE UPDATE OF status ON public.events FOR EACH ROW WHEN (((new.status = 'open'::text) AND (old.status <> 'open'::text))) EXECUTE FUNCTION public.require_tables();
-- Name: events events_opened; Type: TRIGGER; Schema: public; Owner: vote_ledger_owner
CREATE TRIGGER events_opened BEFORE UPDATE OF status ON public.events FOR EACH ROW WHEN (((new.status = 'open'::text) AND (old.opened_at IS NULL))) EXECUTE FUNCTION public.note_opening();
-- Name: confirmations confirmations_event_no_fkey; Type: FK CONSTRAINT; Schema: public; Owner: vote_ledger_owner
ALTER TABLE ONLY public.confirmations
    ADD CONSTRAINT confirmations_event_no_fkey FOREIGN KEY (event_no) REFERENCES public.events(event_no);
-- Name: contestants contestants_event_no_fkey; Type: FK CONSTRAINT; Schema: public; Owner: vote_ledger_owner
ALTER TABLE ONLY public.contestants
    ADD CONSTRAINT contestants_event_no_fkey FOREIGN KEY (event_no) REFERENCES public.events(event_no);
-- Name: events events_previous_event_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: vote_ledger_owner
ALTER TABLE ONLY public.events
    ADD CONSTRAINT events_previous_event_id_fkey FOREIGN KEY (previous_event_id) REFERENCES public.events(event_id);
-- Name: events events_replaced_by_fkey; Type: FK CONSTRAINT; Schema: public; Owner: vote_ledger_owner
ALTER TABLE ONLY public.events
    ADD CONSTRAINT events_replaced_by_fkey FOREIGN KEY (replaced_by) REFERENCES public.events(event_id);
-- Name: vote_assurances vote_assurances_event_no_fkey; Type: FK CONSTRAINT; Schema: public; Owner: vote_ledger_owner
ALTER TABLE ONLY public.vote_assurances
    ADD CONSTRAINT vote_assurances_event_no_fkey FOREIGN KEY (event_no) REFERENCES public.events(event_no);
-- Name: votes_inserts; Type: PUBLICATION; Schema: -; Owner: vote_ledger_owner
CREATE PUBLICATION votes_inserts WITH (publish = 'insert', publish_via_partition_root = true);
ALTER PUBLICATION votes_inserts OWNER TO vote_ledger_owner;
-- Name: votes_inserts votes; Type: PUBLICATION TABLE; Schema: public; Owner: vote_ledger_owner
ALTER PUBLICATION votes_inserts ADD TABLE ONLY public.votes (event_no, contestant_no);
-- Name: SCHEMA public; Type: ACL; Schema: -; Owner: pg_database_owner
REVOKE USAGE ON SCHEMA public FROM PUBLIC;
GRANT ALL ON SCHEMA public TO vote_ledger_owner;
GRANT USAGE ON SCHEMA public TO vote_command;
GRANT USAGE ON SCHEMA public TO vote_fanout;
GRANT USAGE ON SCHEMA public TO vote_query;
GRANT USAGE ON SCHEMA public TO vote_auditor;
-- Name: FUNCTION lo_close(integer); Type: ACL; Schema: pg_catalog; Owner: postgres
REVOKE ALL ON FUNCTION pg_catalog.lo_close(integer) FROM PUBLIC;
-- Name: FUNCTION lo_creat(integer); Type: ACL; Schema: pg_catalog; Owner: postgres
REVOKE ALL ON FUNCTION pg_catalog.lo_creat(integer) FROM PUBLIC;
-- Name: FUNCTION lo_create(oid); Type: ACL; Schema: pg_catalog; Owner: postgres
REVOKE ALL ON FUNCTION pg_catalog.lo_create(oid) FROM PUBLIC;
-- Name: FUNCTION lo_from_bytea(oid, bytea); Type: ACL; Schema: pg_catalog; Owner: postgres
REVOKE ALL ON FUNCTION pg_catalog.lo_from_bytea(oid, bytea) FROM PUBLIC;
-- Name: FUNCTION lo_get(oid); Type: ACL; Schema: pg_catalog; Owner: postgres
REVOKE ALL ON FUNCTION pg_catalog.lo_get(oid) FROM PUBLIC;
-- Name: FUNCTION lo_get(oid, bigint, integer); Type: ACL; Schema: pg_catalog; Owner: postgres
REVOKE ALL ON FUNCTION pg_catalog.lo_get(oid, bigint, integer) FROM PUBLIC;
-- Name: FUNCTION lo_lseek(integer, integer, integer); Type: ACL; Schema: pg_catalog; Owner: postgres
REVOKE ALL ON FUNCTION pg_catalog.lo_lseek(integer, integer, integer) FROM PUBLIC;
-- Name: FUNCTION lo_lseek64(integer, bigint, integer); Type: ACL; Schema: pg_catalog; Owner: postgres
REVOKE ALL ON FUNCTION pg_catalog.lo_lseek64(integer, bigint, integer) FROM PUBLIC;
-- Name: FUNCTION lo_open(oid, integer); Type: ACL; Schema: pg_catalog; Owner: postgres
REVOKE ALL ON FUNCTION pg_catalog.lo_open(oid, integer) FROM PUBLIC;
-- Name: FUNCTION lo_put(oid, bigint, bytea); Type: ACL; Schema: pg_catalog; Owner: postgres
REVOKE ALL ON FUNCTION pg_catalog.lo_put(oid, bigint, bytea) FROM PUBLIC;
-- Name: FUNCTION lo_tell(integer); Type: ACL; Schema: pg_catalog; Owner: postgres
REVOKE ALL ON FUNCTION pg_catalog.lo_tell(integer) FROM PUBLIC;
-- Name: FUNCTION lo_tell64(integer); Type: ACL; Schema: pg_catalog; Owner: postgres
REVOKE ALL ON FUNCTION pg_catalog.lo_tell64(integer) FROM PUBLIC;
-- Name: FUNCTION lo_truncate(integer, integer); Type: ACL; Schema: pg_catalog; Owner: postgres
REVOKE ALL ON FUNCTION pg_catalog.lo_truncate(integer, integer) FROM PUBLIC;
-- Name: FUNCTION lo_truncate64(integer, bigint); Type: ACL; Schema: pg_catalog; Owner: postgres
REVOKE ALL ON FUNCTION pg_catalog.lo_truncate64(integer, bigint) FROM PUBLIC;
-- Name: FUNCTION lo_unlink(oid); Type: ACL; Schema: pg_catalog; Owner: postgres
REVOKE ALL ON FUNCTION pg_catalog.lo_unlink(oid) FROM PUBLIC;
-- Name: FUNCTION loread(integer, integer); Type: ACL; Schema: pg_catalog; Owner: postgres
REVOKE ALL ON FUNCTION pg_catalog.loread(integer, integer) FROM PUBLIC;
-- Name: FUNCTION lowrite(integer, bytea); Type: ACL; Schema: pg_catalog; Owner: postgres
REVOKE ALL ON FUNCTION pg_catalog.lowrite(integer, bytea) FROM PUBLIC;
-- Name: FUNCTION pg_advisory_lock(bigint); Type: ACL; Schema: pg_catalog; Owner: postgres
REVOKE ALL ON FUNCTION pg_catalog.pg_advisory_lock(bigint) FROM PUBLIC;
-- Name: FUNCTION pg_advisory_lock(integer, integer); Type: ACL; Schema: pg_catalog; Owner: postgres
REVOKE ALL ON FUNCTION pg_catalog.pg_advisory_lock(integer, integer) FROM PUBLIC;
-- Name: FUNCTION pg_advisory_lock_shared(bigint); Type: ACL; Schema: pg_catalog; Owner: postgres
REVOKE ALL ON FUNCTION pg_catalog.pg_advisory_lock_shared(bigint) FROM PUBLIC;
-- Name: FUNCTION pg_advisory_lock_shared(integer, integer); Type: ACL; Schema: pg_catalog; Owner: postgres
REVOKE ALL ON FUNCTION pg_catalog.pg_advisory_lock_shared(integer, integer) FROM PUBLIC;
-- Name: FUNCTION pg_advisory_xact_lock(bigint); Type: ACL; Schema: pg_catalog; Owner: postgres
REVOKE ALL ON FUNCTION pg_catalog.pg_advisory_xact_lock(bigint) FROM PUBLIC;
-- Name: FUNCTION pg_advisory_xact_lock(integer, integer); Type: ACL; Schema: pg_catalog; Owner: postgres
REVOKE ALL ON FUNCTION pg_catalog.pg_advisory_xact_lock(integer, integer) FROM PUBLIC;
GRANT ALL ON FUNCTION pg_catalog.pg_advisory_xact_lock(integer, integer) TO vote_ledger_owner;
-- Name: FUNCTION pg_advisory_xact_lock_shared(bigint); Type: ACL; Schema: pg_catalog; Owner: postgres
REVOKE ALL ON FUNCTION pg_catalog.pg_advisory_xact_lock_shared(bigint) FROM PUBLIC;
-- Name: FUNCTION pg_advisory_xact_lock_shared(integer, integer); Type: ACL; Schema: pg_catalog; Owner: postgres
REVOKE ALL ON FUNCTION pg_catalog.pg_advisory_xact_lock_shared(integer, integer) FROM PUBLIC;
GRANT ALL ON FUNCTION pg_catalog.pg_advisory_xact_lock_shared(integer, integer) TO vote_ledger_owner;
-- Name: FUNCTION pg_logical_emit_message(transactional boolean, prefix text, message bytea, flush boolean); Type: ACL; Schema: pg_catalog; Owner: postgres
REVOKE ALL ON FUNCTION pg_catalog.pg_logical_emit_message(transactional boolean, prefix text, message bytea, flush boolean) FROM PUBLIC;
-- Name: FUNCTION pg_logical_emit_message(transactional boolean, prefix text, message text, flush boolean); Type: ACL; Schema: pg_catalog; Owner: postgres
REVOKE ALL ON FUNCTION pg_catalog.pg_logical_emit_message(transactional boolean, prefix text, message text, flush boolean) FROM PUBLIC;
GRANT ALL ON FUNCTION pg_catalog.pg_logical_emit_message(transactional boolean, prefix text, message text, flush boolean) TO vote_ledger_owner;
-- Name: FUNCTION pg_try_advisory_lock(bigint); Type: ACL; Schema: pg_catalog; Owner: postgres
REVOKE ALL ON FUNCTION pg_catalog.pg_try_advisory_lock(bigint) FROM PUBLIC;
-- Name: FUNCTION pg_try_advisory_lock(integer, integer); Type: ACL; Schema: pg_catalog; Owner: postgres
REVOKE ALL ON FUNCTION pg_catalog.pg_try_advisory_lock(integer, integer) FROM PUBLIC;
-- Name: FUNCTION pg_try_advisory_lock_shared(bigint); Type: ACL; Schema: pg_catalog; Owner: postgres
REVOKE ALL ON FUNCTION pg_catalog.pg_try_advisory_lock_shared(bigint) FROM PUBLIC;
-- Name: FUNCTION pg_try_advisory_lock_shared(integer, integer); Type: ACL; Schema: pg_catalog; Owner: postgres
REVOKE ALL ON FUNCTION pg_catalog.pg_try_advisory_lock_shared(integer, integer) FROM PUBLIC;
-- Name: FUNCTION pg_try_advisory_xact_lock(bigint); Type: ACL; Schema: pg_catalog; Owner: postgres
REVOKE ALL ON FUNCTION pg_catalog.pg_try_advisory_xact_lock(bigint) FROM PUBLIC;
-- Name: FUNCTION pg_try_advisory_xact_lock(integer, integer); Type: ACL; Schema: pg_catalog; Owner: postgres
REVOKE ALL ON FUNCTION pg_catalog.pg_try_advisory_xact_lock(integer, integer) FROM PUBLIC;
-- Name: FUNCTION pg_try_advisory_xact_lock_shared(bigint); Type: ACL; Schema: pg_catalog; Owner: postgres
REVOKE ALL ON FUNCTION pg_catalog.pg_try_advisory_xact_lock_shared(bigint) FROM PUBLIC;
-- Name: FUNCTION pg_try_advisory_xact_lock_shared(integer, integer); Type: ACL; Schema: pg_catalog; Owner: postgres
REVOKE ALL ON FUNCTION pg_catalog.pg_try_advisory_xact_lock_shared(integer, integer) FROM PUBLIC;
-- Name: TABLE contestants; Type: ACL; Schema: public; Owner: vote_ledger_owner
GRANT SELECT ON TABLE public.contestants TO vote_command;
GRANT SELECT ON TABLE public.contestants TO vote_fanout;
GRANT SELECT ON TABLE public.contestants TO vote_query;
GRANT SELECT ON TABLE public.contestants TO vote_auditor;
-- Name: FUNCTION add_contestant(p_event_id uuid, p_contestant jsonb, p_skeleton text, p_by public.actor); Type: ACL; Schema: public; Owner: vote_ledger_owner
REVOKE ALL ON FUNCTION public.add_contestant(p_event_id uuid, p_contestant jsonb, p_skeleton text, p_by public.actor) FROM PUBLIC;
GRANT ALL ON FUNCTION public.add_contestant(p_event_id uuid, p_contestant jsonb, p_skeleton text, p_by public.actor) TO vote_command;
-- Name: FUNCTION answer_votes(p_event_no integer, p_gate integer, p_voters bytea[], p_contestants smallint[], p_refused smallint[]); Type: ACL; Schema: public; Owner: vote_ledger_owner
REVOKE ALL ON FUNCTION public.answer_votes(p_event_no integer, p_gate integer, p_voters bytea[], p_contestants smallint[], p_refused smallint[]) FROM PUBLIC;
-- Name: FUNCTION new_short_code(); Type: ACL; Schema: public; Owner: vote_ledger_owner
REVOKE ALL ON FUNCTION public.new_short_code() FROM PUBLIC;
-- Name: TABLE events; Type: ACL; Schema: public; Owner: vote_ledger_owner
GRANT SELECT ON TABLE public.events TO vote_command;
GRANT SELECT ON TABLE public.events TO vote_fanout;
GRANT SELECT ON TABLE public.events TO vote_query;
GRANT SELECT ON TABLE public.events TO vote_auditor;
-- Name: FUNCTION ask_confirmation(p_event public.events, p_action text, p_by public.actor, p_reason text); Type: ACL; Schema: public; Owner: vote_ledger_owner
REVOKE ALL ON FUNCTION public.ask_confirmation(p_event public.events, p_action text, p_by public.actor, p_reason text) FROM PUBLIC;
-- Name: FUNCTION ballot_of(p_event_no integer); Type: ACL; Schema: public; Owner: vote_ledger_owner
REVOKE ALL ON FUNCTION public.ballot_of(p_event_no integer) FROM PUBLIC;
GRANT ALL ON FUNCTION public.ballot_of(p_event_no integer) TO vote_command;
GRANT ALL ON FUNCTION public.ballot_of(p_event_no integer) TO vote_auditor;
-- Name: FUNCTION carry_out(p_event_id uuid, p_becomes text, p_ballot text, p_ballot_seal bytea); Type: ACL; Schema: public; Owner: vote_ledger_owner
REVOKE ALL ON FUNCTION public.carry_out(p_event_id uuid, p_becomes text, p_ballot text, p_ballot_seal bytea) FROM PUBLIC;
GRANT ALL ON FUNCTION public.carry_out(p_event_id uuid, p_becomes text, p_ballot text, p_ballot_seal bytea) TO vote_command;
-- Name: FUNCTION cast_traced_votes(p_event_no integer, p_event_id uuid, p_voted_at timestamp with time zone, p_voters bytea[], p_contestants smallint[], p_devices bigint[], p_regions text[], p_seals bytea[], p_refused smallint[], p_traced integer[], p_traces text[]); Type: ACL; Schema: public; Owner: vote_ledger_owner
REVOKE ALL ON FUNCTION public.cast_traced_votes(p_event_no integer, p_event_id uuid, p_voted_at timestamp with time zone, p_voters bytea[], p_contestants smallint[], p_devices bigint[], p_regions text[], p_seals bytea[], p_refused smallint[], p_traced integer[], p_traces text[]) FROM PUBLIC;
GRANT ALL ON FUNCTION public.cast_traced_votes(p_event_no integer, p_event_id uuid, p_voted_at timestamp with time zone, p_voters bytea[], p_contestants smallint[], p_devices bigint[], p_regions text[], p_seals bytea[], p_refused smallint[], p_traced integer[], p_traces text[]) TO vote_command;
-- Name: FUNCTION cast_votes(p_event_no integer, p_event_id uuid, p_voted_at timestamp with time zone, p_voters bytea[], p_contestants smallint[], p_devices bigint[], p_regions text[], p_seals bytea[], p_refused smallint[]); Type: ACL; Schema: public; Owner: vote_ledger_owner
REVOKE ALL ON FUNCTION public.cast_votes(p_event_no integer, p_event_id uuid, p_voted_at timestamp with time zone, p_voters bytea[], p_contestants smallint[], p_devices bigint[], p_regions text[], p_seals bytea[], p_refused smallint[]) FROM PUBLIC;
GRANT ALL ON FUNCTION public.cast_votes(p_event_no integer, p_event_id uuid, p_voted_at timestamp with time zone, p_voters bytea[], p_contestants smallint[], p_devices bigint[], p_regions text[], p_seals bytea[], p_refused smallint[]) TO vote_command;
-- Name: FUNCTION change_status(p_event_id uuid, p_action text, p_by public.actor, p_ballot text, p_ballot_seal bytea, p_key text); Type: ACL; Schema: public; Owner: vote_ledger_owner
REVOKE ALL ON FUNCTION public.change_status(p_event_id uuid, p_action text, p_by public.actor, p_ballot text, p_ballot_seal bytea, p_key text) FROM PUBLIC;
GRANT ALL ON FUNCTION public.change_status(p_event_id uuid, p_action text, p_by public.actor, p_ballot text, p_ballot_seal bytea, p_key text) TO vote_command;
-- Name: FUNCTION changed_fields(p_before jsonb, p_after jsonb, OUT before jsonb, OUT after jsonb); Type: ACL; Schema: public; Owner: vote_ledger_owner
REVOKE ALL ON FUNCTION public.changed_fields(p_before jsonb, p_after jsonb, OUT before jsonb, OUT after jsonb) FROM PUBLIC;
-- Name: FUNCTION confirm_change(p_event_id uuid, p_action text, p_by public.actor); Type: ACL; Schema: public; Owner: vote_ledger_owner
REVOKE ALL ON FUNCTION public.confirm_change(p_event_id uuid, p_action text, p_by public.actor) FROM PUBLIC;
GRANT ALL ON FUNCTION public.confirm_change(p_event_id uuid, p_action text, p_by public.actor) TO vote_command;
-- Name: FUNCTION count_choices(p_event_no integer); Type: ACL; Schema: public; Owner: vote_ledger_owner
REVOKE ALL ON FUNCTION public.count_choices(p_event_no integer) FROM PUBLIC;
GRANT ALL ON FUNCTION public.count_choices(p_event_no integer) TO vote_query;
-- Name: FUNCTION count_devices(p_event_no integer, p_slice integer, p_slices integer); Type: ACL; Schema: public; Owner: vote_ledger_owner
REVOKE ALL ON FUNCTION public.count_devices(p_event_no integer, p_slice integer, p_slices integer) FROM PUBLIC;
GRANT ALL ON FUNCTION public.count_devices(p_event_no integer, p_slice integer, p_slices integer) TO vote_query;
-- Name: FUNCTION count_leaf(p_event_no integer, p_leaf integer); Type: ACL; Schema: public; Owner: vote_ledger_owner
REVOKE ALL ON FUNCTION public.count_leaf(p_event_no integer, p_leaf integer) FROM PUBLIC;
GRANT ALL ON FUNCTION public.count_leaf(p_event_no integer, p_leaf integer) TO vote_query;
-- Name: FUNCTION create_event(p_event jsonb, p_key_no integer, p_by public.actor, p_key text, p_request bytea); Type: ACL; Schema: public; Owner: vote_ledger_owner
REVOKE ALL ON FUNCTION public.create_event(p_event jsonb, p_key_no integer, p_by public.actor, p_key text, p_request bytea) FROM PUBLIC;
GRANT ALL ON FUNCTION public.create_event(p_event jsonb, p_key_no integer, p_by public.actor, p_key text, p_request bytea) TO vote_command;
-- Name: FUNCTION create_event_partitions(p_event_no integer, p_modulus integer); Type: ACL; Schema: public; Owner: vote_ledger_owner
REVOKE ALL ON FUNCTION public.create_event_partitions(p_event_no integer, p_modulus integer) FROM PUBLIC;
-- Name: FUNCTION create_evidence_partition(p_event_no integer); Type: ACL; Schema: public; Owner: vote_ledger_owner
REVOKE ALL ON FUNCTION public.create_evidence_partition(p_event_no integer) FROM PUBLIC;
-- Name: FUNCTION draft_of(p_event_id uuid); Type: ACL; Schema: public; Owner: vote_ledger_owner
REVOKE ALL ON FUNCTION public.draft_of(p_event_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION public.draft_of(p_event_id uuid) TO vote_command;
-- Name: FUNCTION due_changes(); Type: ACL; Schema: public; Owner: vote_ledger_owner
REVOKE ALL ON FUNCTION public.due_changes() FROM PUBLIC;
GRANT ALL ON FUNCTION public.due_changes() TO vote_command;
-- Name: FUNCTION edit_contestant(p_event_id uuid, p_contestant_id uuid, p_changes jsonb, p_skeleton text, p_by public.actor); Type: ACL; Schema: public; Owner: vote_ledger_owner
REVOKE ALL ON FUNCTION public.edit_contestant(p_event_id uuid, p_contestant_id uuid, p_changes jsonb, p_skeleton text, p_by public.actor) FROM PUBLIC;
GRANT ALL ON FUNCTION public.edit_contestant(p_event_id uuid, p_contestant_id uuid, p_changes jsonb, p_skeleton text, p_by public.actor) TO vote_command;
-- Name: FUNCTION edit_event(p_event_id uuid, p_changes jsonb, p_by public.actor); Type: ACL; Schema: public; Owner: vote_ledger_owner
REVOKE ALL ON FUNCTION public.edit_event(p_event_id uuid, p_changes jsonb, p_by public.actor) FROM PUBLIC;
GRANT ALL ON FUNCTION public.edit_event(p_event_id uuid, p_changes jsonb, p_by public.actor) TO vote_command;
-- Name: FUNCTION emit_event_change(p_event_no integer); Type: ACL; Schema: public; Owner: vote_ledger_owner
REVOKE ALL ON FUNCTION public.emit_event_change(p_event_no integer) FROM PUBLIC;
-- Name: FUNCTION emit_repeat(); Type: ACL; Schema: public; Owner: vote_ledger_owner
REVOKE ALL ON FUNCTION public.emit_repeat() FROM PUBLIC;
-- Name: FUNCTION event_lock_class(); Type: ACL; Schema: public; Owner: vote_ledger_owner
REVOKE ALL ON FUNCTION public.event_lock_class() FROM PUBLIC;
-- Name: FUNCTION facts_of(p_contestant public.contestants); Type: ACL; Schema: public; Owner: vote_ledger_owner
REVOKE ALL ON FUNCTION public.facts_of(p_contestant public.contestants) FROM PUBLIC;
-- Name: FUNCTION has_partition(p_table text, p_event_no integer); Type: ACL; Schema: public; Owner: vote_ledger_owner
REVOKE ALL ON FUNCTION public.has_partition(p_table text, p_event_no integer) FROM PUBLIC;
GRANT ALL ON FUNCTION public.has_partition(p_table text, p_event_no integer) TO vote_query;
GRANT ALL ON FUNCTION public.has_partition(p_table text, p_event_no integer) TO vote_auditor;
-- Name: FUNCTION history_of(p_event_id uuid); Type: ACL; Schema: public; Owner: vote_ledger_owner
REVOKE ALL ON FUNCTION public.history_of(p_event_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION public.history_of(p_event_id uuid) TO vote_command;
-- Name: FUNCTION is_repeat(p_event_id uuid, p_action text, p_by public.actor, p_key text); Type: ACL; Schema: public; Owner: vote_ledger_owner
REVOKE ALL ON FUNCTION public.is_repeat(p_event_id uuid, p_action text, p_by public.actor, p_key text) FROM PUBLIC;
-- Name: FUNCTION locked_draft(p_event_id uuid); Type: ACL; Schema: public; Owner: vote_ledger_owner
REVOKE ALL ON FUNCTION public.locked_draft(p_event_id uuid) FROM PUBLIC;
-- Name: FUNCTION locked_event(p_event_id uuid); Type: ACL; Schema: public; Owner: vote_ledger_owner
REVOKE ALL ON FUNCTION public.locked_event(p_event_id uuid) FROM PUBLIC;
-- Name: FUNCTION make_event(p_event jsonb, p_key_no integer, p_by public.actor); Type: ACL; Schema: public; Owner: vote_ledger_owner
REVOKE ALL ON FUNCTION public.make_event(p_event jsonb, p_key_no integer, p_by public.actor) FROM PUBLIC;
-- Name: FUNCTION next_due_at(); Type: ACL; Schema: public; Owner: vote_ledger_owner
REVOKE ALL ON FUNCTION public.next_due_at() FROM PUBLIC;
GRANT ALL ON FUNCTION public.next_due_at() TO vote_command;
-- Name: FUNCTION note_change(p_event_no integer, p_by public.actor, p_action text, p_before jsonb, p_after jsonb, p_at timestamp with time zone); Type: ACL; Schema: public; Owner: vote_ledger_owner
REVOKE ALL ON FUNCTION public.note_change(p_event_no integer, p_by public.actor, p_action text, p_before jsonb, p_after jsonb, p_at timestamp with time zone) FROM PUBLIC;
-- Name: FUNCTION note_opening(); Type: ACL; Schema: public; Owner: vote_ledger_owner
REVOKE ALL ON FUNCTION public.note_opening() FROM PUBLIC;
-- Name: FUNCTION pending_changes(); Type: ACL; Schema: public; Owner: vote_ledger_owner
REVOKE ALL ON FUNCTION public.pending_changes() FROM PUBLIC;
-- Name: FUNCTION remove_contestant(p_event_id uuid, p_contestant_id uuid, p_by public.actor); Type: ACL; Schema: public; Owner: vote_ledger_owner
REVOKE ALL ON FUNCTION public.remove_contestant(p_event_id uuid, p_contestant_id uuid, p_by public.actor) FROM PUBLIC;
GRANT ALL ON FUNCTION public.remove_contestant(p_event_id uuid, p_contestant_id uuid, p_by public.actor) TO vote_command;
-- Name: FUNCTION request_recount(); Type: ACL; Schema: public; Owner: vote_ledger_owner
REVOKE ALL ON FUNCTION public.request_recount() FROM PUBLIC;
-- Name: FUNCTION require_tables(); Type: ACL; Schema: public; Owner: vote_ledger_owner
REVOKE ALL ON FUNCTION public.require_tables() FROM PUBLIC;
-- Name: FUNCTION reset_event(p_event_id uuid, p_key_no integer, p_by public.actor); Type: ACL; Schema: public; Owner: vote_ledger_owner
REVOKE ALL ON FUNCTION public.reset_event(p_event_id uuid, p_key_no integer, p_by public.actor) FROM PUBLIC;
GRANT ALL ON FUNCTION public.reset_event(p_event_id uuid, p_key_no integer, p_by public.actor) TO vote_command;
-- Name: FUNCTION reveal_results(p_event_id uuid, p_places integer, p_by public.actor); Type: ACL; Schema: public; Owner: vote_ledger_owner
REVOKE ALL ON FUNCTION public.reveal_results(p_event_id uuid, p_places integer, p_by public.actor) FROM PUBLIC;
GRANT ALL ON FUNCTION public.reveal_results(p_event_id uuid, p_places integer, p_by public.actor) TO vote_command;
-- Name: FUNCTION rfc3339(p_moment timestamp with time zone); Type: ACL; Schema: public; Owner: vote_ledger_owner
REVOKE ALL ON FUNCTION public.rfc3339(p_moment timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.rfc3339(p_moment timestamp with time zone) TO vote_query;
-- Name: FUNCTION rule_hits(p_event_id uuid); Type: ACL; Schema: public; Owner: vote_ledger_owner
REVOKE ALL ON FUNCTION public.rule_hits(p_event_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION public.rule_hits(p_event_id uuid) TO vote_command;
-- Name: FUNCTION sealed_rows(p_event_no integer, p_leaf integer); Type: ACL; Schema: public; Owner: vote_ledger_owner
REVOKE ALL ON FUNCTION public.sealed_rows(p_event_no integer, p_leaf integer) FROM PUBLIC;
GRANT ALL ON FUNCTION public.sealed_rows(p_event_no integer, p_leaf integer) TO vote_auditor;
-- Name: FUNCTION set_frozen(p_event_id uuid, p_frozen boolean, p_by public.actor, p_key text); Type: ACL; Schema: public; Owner: vote_ledger_owner
REVOKE ALL ON FUNCTION public.set_frozen(p_event_id uuid, p_frozen boolean, p_by public.actor, p_key text) FROM PUBLIC;
GRANT ALL ON FUNCTION public.set_frozen(p_event_id uuid, p_frozen boolean, p_by public.actor, p_key text) TO vote_command;
-- Name: FUNCTION set_status(p_event public.events, p_action text, p_by public.actor, p_asked_by uuid, p_ballot text, p_ballot_seal bytea, p_reason text); Type: ACL; Schema: public; Owner: vote_ledger_owner
REVOKE ALL ON FUNCTION public.set_status(p_event public.events, p_action text, p_by public.actor, p_asked_by uuid, p_ballot text, p_ballot_seal bytea, p_reason text) FROM PUBLIC;
-- Name: FUNCTION sorted_votes(p_event_no integer, p_voted_at timestamp with time zone, p_known smallint[], p_voters bytea[], p_contestants smallint[], p_devices bigint[], p_regions text[], p_seals bytea[], p_refused smallint[]); Type: ACL; Schema: public; Owner: vote_ledger_owner
REVOKE ALL ON FUNCTION public.sorted_votes(p_event_no integer, p_voted_at timestamp with time zone, p_known smallint[], p_voters bytea[], p_contestants smallint[], p_devices bigint[], p_regions text[], p_seals bytea[], p_refused smallint[]) FROM PUBLIC;
-- Name: FUNCTION store_evidence(p_event_nos integer[], p_event_ids uuid[], p_votes integer[], p_hits jsonb[], p_blocks bytea[]); Type: ACL; Schema: public; Owner: vote_ledger_owner
REVOKE ALL ON FUNCTION public.store_evidence(p_event_nos integer[], p_event_ids uuid[], p_votes integer[], p_hits jsonb[], p_blocks bytea[]) FROM PUBLIC;
GRANT ALL ON FUNCTION public.store_evidence(p_event_nos integer[], p_event_ids uuid[], p_votes integer[], p_hits jsonb[], p_blocks bytea[]) TO vote_command;
-- Name: FUNCTION store_evidence(p_event_nos integer[], p_event_ids uuid[], p_votes integer[], p_hits jsonb[], p_blocks bytea[], p_assurances jsonb[]); Type: ACL; Schema: public; Owner: vote_ledger_owner
REVOKE ALL ON FUNCTION public.store_evidence(p_event_nos integer[], p_event_ids uuid[], p_votes integer[], p_hits jsonb[], p_blocks bytea[], p_assurances jsonb[]) FROM PUBLIC;
GRANT ALL ON FUNCTION public.store_evidence(p_event_nos integer[], p_event_ids uuid[], p_votes integer[], p_hits jsonb[], p_blocks bytea[], p_assurances jsonb[]) TO vote_command;
-- Name: FUNCTION void_event(p_event_id uuid, p_reason text, p_by public.actor); Type: ACL; Schema: public; Owner: vote_ledger_owner
REVOKE ALL ON FUNCTION public.void_event(p_event_id uuid, p_reason text, p_by public.actor) FROM PUBLIC;
GRANT ALL ON FUNCTION public.void_event(p_event_id uuid, p_reason text, p_by public.actor) TO vote_command;
-- Name: TABLE audit_log; Type: ACL; Schema: public; Owner: vote_ledger_owner
GRANT SELECT ON TABLE public.audit_log TO vote_auditor;
GRANT SELECT ON TABLE public.audit_log TO vote_query;
-- Name: TABLE confirmations; Type: ACL; Schema: public; Owner: vote_ledger_owner
GRANT SELECT ON TABLE public.confirmations TO vote_auditor;
GRANT SELECT ON TABLE public.confirmations TO vote_query;
-- Name: TABLE fanout_checkpoint; Type: ACL; Schema: public; Owner: vote_ledger_owner
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.fanout_checkpoint TO vote_fanout;
GRANT SELECT ON TABLE public.fanout_checkpoint TO vote_query;
GRANT SELECT ON TABLE public.fanout_checkpoint TO vote_auditor;
-- Name: TABLE frozen_tallies; Type: ACL; Schema: public; Owner: vote_ledger_owner
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.frozen_tallies TO vote_fanout;
GRANT SELECT ON TABLE public.frozen_tallies TO vote_query;
GRANT SELECT ON TABLE public.frozen_tallies TO vote_auditor;
-- Name: TABLE tallies; Type: ACL; Schema: public; Owner: vote_ledger_owner
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.tallies TO vote_fanout;
GRANT SELECT ON TABLE public.tallies TO vote_query;
GRANT SELECT ON TABLE public.tallies TO vote_auditor;
-- Name: TABLE vote_assurances; Type: ACL; Schema: public; Owner: vote_ledger_owner
GRANT SELECT ON TABLE public.vote_assurances TO vote_query;
GRANT SELECT ON TABLE public.vote_assurances TO vote_auditor;
-- Name: TABLE vote_evidence; Type: ACL; Schema: public; Owner: vote_ledger_owner
GRANT SELECT ON TABLE public.vote_evidence TO vote_auditor;
-- Name: TABLE vote_rejections; Type: ACL; Schema: public; Owner: vote_ledger_owner
GRANT SELECT ON TABLE public.vote_rejections TO vote_auditor;
-- Name: COLUMN vote_rejections.event_no; Type: ACL; Schema: public; Owner: vote_ledger_owner
GRANT SELECT(event_no) ON TABLE public.vote_rejections TO vote_query;
-- Name: COLUMN vote_rejections.kind; Type: ACL; Schema: public; Owner: vote_ledger_owner
GRANT SELECT(kind) ON TABLE public.vote_rejections TO vote_query;
-- Name: COLUMN vote_rejections.voter; Type: ACL; Schema: public; Owner: vote_ledger_owner
GRANT SELECT(voter) ON TABLE public.vote_rejections TO vote_query;
-- Name: TABLE votes; Type: ACL; Schema: public; Owner: vote_ledger_owner
GRANT SELECT ON TABLE public.votes TO vote_auditor;
-- Name: COLUMN votes.voted_at; Type: ACL; Schema: public; Owner: vote_ledger_owner
GRANT SELECT(voted_at) ON TABLE public.votes TO vote_query;
GRANT SELECT(voted_at) ON TABLE public.votes TO vote_fanout;
-- Name: COLUMN votes.event_no; Type: ACL; Schema: public; Owner: vote_ledger_owner
GRANT SELECT(event_no) ON TABLE public.votes TO vote_fanout;
GRANT SELECT(event_no) ON TABLE public.votes TO vote_query;
-- Name: COLUMN votes.contestant_no; Type: ACL; Schema: public; Owner: vote_ledger_owner
GRANT SELECT(contestant_no) ON TABLE public.votes TO vote_fanout;
-- Name: COLUMN votes.voter; Type: ACL; Schema: public; Owner: vote_ledger_owner
GRANT SELECT(voter) ON TABLE public.votes TO vote_query;
-- PostgreSQL database dump complete
