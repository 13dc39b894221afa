-- An event opens, or goes on after a pause, only with all of its tables attached, whoever opens it. And a vote for one whose
-- tables were taken away while it was open isn't refused as for a closed one any more: it has to come again (VT503), since
-- they may be put back.
-- Locks: SHARE ROW EXCLUSIVE on events for a moment (a trigger): changes of events wait for it, votes don't.
-- Takes: milliseconds.
-- Expands: goes before the new command process. An old one sends such a batch again until its deadline, then answers 503, too.

SET ROLE vote_ledger_owner;

-- Votes with as many leaves as the event has, refusals and evidence: what is missing, 001 of partitions/ makes, and 030
-- attaches what was detached. A look at the catalog, that locks none of them.
CREATE FUNCTION require_tables() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
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

CREATE TRIGGER events_have_tables BEFORE UPDATE OF status ON events
    FOR EACH ROW WHEN (NEW.status = 'open' AND OLD.status <> 'open') EXECUTE FUNCTION require_tables();

-- The ledger's only door: a batch of votes of one event, one autocommit statement. Answers a row for each vote
-- that was not newly accepted (vote_index from 1; kinds as in answer_votes); no row means accepted at p_voted_at.
--
-- The row that is there already decides first, then the gate: so a retry after an unknown outcome gets its first
-- answer even when the event has closed meanwhile. The advisory lock is held until the commit is done: that is
-- what makes a close strict. Inserts are sorted, so that two batches can't deadlock. Each statement below has a
-- snapshot of its own (READ COMMITTED), so the gate is read after the lock was taken, and a winner of a conflict is seen.
--
-- The number must still be the event's own: after an older state of the server was put back, a caller may remember a
-- number that belongs to another event by now. An event whose votes are detached has none to look at: closed or cancelled,
-- it is archived and refuses all; while it is open or paused nothing can be said of a vote, not even that it is refused.
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
-- SQLSTATE VT500: wrong isolation or time, or a COMMIT that might not last; VT404: no such event under this number; VT503:
-- its votes are detached.
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

REVOKE ALL ON FUNCTION require_tables FROM PUBLIC;

RESET ROLE;
