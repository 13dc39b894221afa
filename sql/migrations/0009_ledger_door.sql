-- The ledger's door asks for more before it lets votes in: a COMMIT that lasts, and the event's id beside its number.
-- Who counts and who checks may use the connections that reserved_connections keeps back. And nobody may do what their
-- work doesn't need: the read side see who voted for whom, anybody take advisory locks.
-- Run as a superuser. Locks: none that anybody waits for (functions put in the place of others, rights).
-- Takes: milliseconds.
-- Expands: cast_votes() without the event's id stays for command processes that run still, and asks for the rest; drop
-- it by a later migration, once no such process is left. Goes before the new command and query processes.

GRANT pg_use_reserved_connections TO vote_fanout, vote_auditor;

-- By default anybody may take an advisory lock, and so stop an event's votes or its close, and write large
-- objects. Letting go of one's own locks stays allowed: drivers do so for tidiness.
DO $$
DECLARE
    open_to_all regprocedure;
BEGIN
    FOR open_to_all IN
        SELECT oid FROM pg_proc
        WHERE pronamespace = 'pg_catalog'::regnamespace AND proname ~ '^(pg_(try_)?advisory_(xact_)?lock|lo_|loread$|lowrite$)'
    LOOP
        EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', open_to_all);
    END LOOP;
END
$$;
GRANT EXECUTE ON FUNCTION pg_advisory_xact_lock(int, int), pg_advisory_xact_lock_shared(int, int) TO vote_ledger_owner;

SET ROLE vote_ledger_owner;

-- The read side looks up whether there is a vote, and when it was accepted; never for whom, nor what staff did.
REVOKE SELECT ON votes, vote_rejections, audit_log FROM vote_query;
GRANT SELECT (event_no, voter, voted_at) ON votes TO vote_query;
GRANT SELECT (event_no, voter, kind) ON vote_rejections TO vote_query;

-- Whether this event's partition of votes or vote_rejections is in the tree: no, once it was archived (partitions/020).
CREATE FUNCTION has_partition(p_table text, p_event_no int) RETURNS boolean
LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    SELECT EXISTS (SELECT FROM pg_inherits
                   WHERE inhrelid = to_regclass(p_table || '_e' || p_event_no) AND inhparent = to_regclass(p_table)
                     AND NOT inhdetachpending)
$$;

-- As before, but in PL/pgSQL, which plans each call for its arguments on every version: an SQL function does so only
-- from Postgres 18 on, and a plan for any event locks every partition of every event.
CREATE OR REPLACE FUNCTION answer_votes(
    p_event_no int, p_gate int, p_voters bytea[], p_contestants smallint[], p_refused smallint[]
) RETURNS TABLE (vote_index int, kind smallint, contestant_no smallint, voter bytea, stored_at timestamptz)
LANGUAGE plpgsql STABLE
SET search_path = public, pg_temp
SET plan_cache_mode = force_custom_plan SET enable_seqscan = off SET enable_bitmapscan = off AS $$
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
-- Locks: the event's advisory lock, shared; ROW EXCLUSIVE on votes and on this event's partitions.
-- SQLSTATE VT500: wrong isolation or clock, or a COMMIT that might not last; VT404: no such event under this number.
CREATE FUNCTION cast_votes(
    p_event_no int, p_event_id uuid, p_voted_at timestamptz, p_voters bytea[], p_contestants smallint[],
    p_devices bigint[], p_regions text[], p_seals bytea[], p_refused smallint[]
) RETURNS TABLE (vote_index int, kind smallint, stored_at timestamptz)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp SET plan_cache_mode = force_custom_plan AS $$
#variable_conflict use_column
DECLARE
    v_gate int;
    v_contestants smallint[];
    v_inserted int := 0;
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
                WHEN e.status = 'open' AND (e.closes_at IS NULL OR clock_timestamp() < e.closes_at)
                     -- As has_partition() says; a call of it would cost each batch more (SET search_path).
                     AND (SELECT c.relispartition FROM pg_class c WHERE c.oid = to_regclass('votes_e' || p_event_no)) THEN 1
                ELSE 4 END,
           ARRAY(SELECT c.contestant_no FROM contestants c WHERE c.event_no = e.event_no)
    INTO v_gate, v_contestants FROM events e WHERE e.event_no = p_event_no;

    IF v_gate = 1 THEN
        INSERT INTO votes (voted_at, device, event_no, contestant_no, region, voter, seal)
        SELECT p_voted_at, batch.device, p_event_no, batch.contestant_no, batch.region, batch.voter, batch.seal
        FROM unnest(p_voters, p_contestants, p_devices, p_regions, p_seals, p_refused)
             WITH ORDINALITY AS batch (voter, contestant_no, device, region, seal, refused, vote_index)
        WHERE batch.refused = 0 AND batch.contestant_no = ANY (v_contestants)
        ORDER BY batch.voter, batch.vote_index
        ON CONFLICT DO NOTHING;
        GET DIAGNOSTICS v_inserted = ROW_COUNT;
        IF v_inserted = cardinality(p_voters) THEN
            RETURN;
        END IF;
    END IF;

    -- A retry must not be acked before its row is as durable as a new one: this makes our own COMMIT wait for it.
    PERFORM pg_logical_emit_message(true, 'vote.retry', '');
    RETURN QUERY
    WITH answers AS MATERIALIZED (
        SELECT * FROM answer_votes(p_event_no, v_gate, p_voters, p_contestants, p_refused)
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

-- As it was called before: takes whatever event has the number now.
CREATE OR REPLACE FUNCTION cast_votes(
    p_event_no int, p_voted_at timestamptz, p_voters bytea[], p_contestants smallint[], p_devices bigint[],
    p_regions text[], p_seals bytea[], p_refused smallint[]
) RETURNS TABLE (vote_index int, kind smallint, stored_at timestamptz)
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT * FROM cast_votes(p_event_no, (SELECT e.event_id FROM events e WHERE e.event_no = p_event_no), p_voted_at,
                             p_voters, p_contestants, p_devices, p_regions, p_seals, p_refused)
$$;

REVOKE ALL ON FUNCTION has_partition, cast_votes(int, uuid, timestamptz, bytea[], smallint[], bigint[], text[], bytea[],
                                                smallint[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION cast_votes(int, uuid, timestamptz, bytea[], smallint[], bigint[], text[], bytea[], smallint[])
    TO vote_command;
GRANT EXECUTE ON FUNCTION has_partition TO vote_query, vote_auditor;

RESET ROLE;
