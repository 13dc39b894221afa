-- The ledger. Append-only: no role of a service can UPDATE, DELETE or TRUNCATE it, and even INSERT goes only
-- through cast_votes(). All objects are new: nobody waits for a lock.

SET ROLE vote_ledger_owner;

-- One row a vote. Columns by alignment: 8 bytes, 4, 2, then variable. The primary key is the only index, and
-- the only thing that makes one vote per voter and event.
CREATE TABLE votes (
    voted_at      timestamptz NOT NULL,  -- acceptance, by the database's clock
    device        bigint,                -- keyed hash of event and device
    event_no      int NOT NULL,
    contestant_no smallint NOT NULL,
    region        char(2),               -- from a trusted header of the edge
    voter         bytea NOT NULL CHECK (octet_length(voter) = 12),
    seal          bytea NOT NULL CHECK (octet_length(seal) = 16),
    PRIMARY KEY (event_no, voter)
) PARTITION BY LIST (event_no);

-- Evidence of refused attempts: at most one row per voter and kind (the numbers of contract/vote_id.py).
CREATE TABLE vote_rejections (
    rejected_at   timestamptz NOT NULL,
    event_no      int NOT NULL,
    contestant_no smallint NOT NULL,
    kind          smallint NOT NULL,
    voter         bytea NOT NULL,
    PRIMARY KEY (event_no, voter, kind)
) PARTITION BY LIST (event_no);

GRANT SELECT ON votes, vote_rejections TO vote_query, vote_auditor;
GRANT SELECT (event_no, contestant_no) ON votes TO vote_fanout;

-- What a batch of one event became, for the votes that were not simply inserted: those that were there before
-- (kind 1, with their time; 2: for another contestant), and those that the gate keeps out (p_gate, 3 or 4), a
-- fraud rule (5), or that name no contestant of the event (0). One look-up by the primary key for each vote: LIMIT
-- keeps the planner, which has no statistics of a young event, from scanning it once a vote instead (tried: 250 ms a
-- batch of 500). Custom plans, so that only this event's partitions are locked.
CREATE FUNCTION answer_votes(
    p_event_no int, p_gate int, p_voters bytea[], p_contestants smallint[], p_refused smallint[]
) RETURNS TABLE (vote_index int, kind smallint, contestant_no smallint, voter bytea, stored_at timestamptz)
LANGUAGE sql STABLE
SET search_path = public, pg_temp
SET plan_cache_mode = force_custom_plan SET enable_seqscan = off SET enable_bitmapscan = off AS $$
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
    LEFT JOIN contestants known ON known.event_no = p_event_no AND known.contestant_no = batch.contestant_no
$$;

-- The ledger's only door: a batch of votes of one event, one autocommit statement. Answers a row for each vote
-- that was not newly accepted (vote_index from 1; kinds as in answer_votes); no row means accepted at p_voted_at.
--
-- The row that is there already decides first, then the gate: so a retry after an unknown outcome gets its first
-- answer even when the event has closed meanwhile. The advisory lock is held until the commit is done: that is
-- what makes a close strict. Inserts are sorted, so that two batches can't deadlock. Each statement below has a
-- snapshot of its own (READ COMMITTED), so the gate is read after the lock was taken, and a winner of a conflict is seen.
--
-- Locks: the event's advisory lock, shared; ROW EXCLUSIVE on votes and on this event's partitions.
-- SQLSTATE VT500: wrong isolation or clock; VT404: no such event.
CREATE FUNCTION cast_votes(
    p_event_no int, p_voted_at timestamptz, p_voters bytea[], p_contestants smallint[], p_devices bigint[],
    p_regions text[], p_seals bytea[], p_refused smallint[]
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
    IF abs(extract(epoch FROM clock_timestamp() - p_voted_at)) > 5 THEN
        RAISE EXCEPTION 'the caller''s clock is off by more than 5 seconds' USING ERRCODE = 'VT500';
    END IF;
    PERFORM FROM events e WHERE e.event_no = p_event_no;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'no such event' USING ERRCODE = 'VT404';
    END IF;
    PERFORM pg_advisory_xact_lock_shared(event_lock_class(), p_event_no);

    SELECT CASE WHEN e.status = 'open' AND (e.closes_at IS NULL OR clock_timestamp() < e.closes_at) THEN 1
                WHEN e.status IN ('draft', 'scheduled') THEN 3 ELSE 4 END,
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
        SELECT p_voted_at, p_event_no, a.contestant_no, a.kind, a.voter FROM answers a WHERE a.kind >= 2
        ORDER BY a.voter, a.kind, a.vote_index
        ON CONFLICT DO NOTHING
    )
    SELECT a.vote_index, a.kind, a.stored_at FROM answers a;
END
$$;

REVOKE ALL ON FUNCTION answer_votes, cast_votes FROM PUBLIC;
GRANT EXECUTE ON FUNCTION cast_votes TO vote_command;

RESET ROLE;
