-- Traces go through the WAL: a batch that has traced votes is written by a door of its own, which writes one logical
-- message beside the rows, in the same transaction. Fanout goes on with the traces from there.
-- Locks: none that anybody waits for (a new function). Takes: milliseconds.
-- Expands: goes before the new command process. An old one knows nothing of it, and a batch without traced votes goes
-- through cast_votes() as before; a fanout that doesn't know the message passes over it.

SET ROLE vote_ledger_owner;

-- As cast_votes(), whose rows it answers. p_traced are the places of traced votes in the batch, from 1, p_traces what to
-- say of each (contract/wal_trace.py), at most 64. The message names those that were newly accepted, and no others: a
-- batch that comes again after a lost connection writes it only with the rows that weren't there.
CREATE FUNCTION cast_traced_votes(
    p_event_no int, p_event_id uuid, p_voted_at timestamptz, p_voters bytea[], p_contestants smallint[],
    p_devices bigint[], p_regions text[], p_seals bytea[], p_refused smallint[], p_traced int[], p_traces text[]
) RETURNS TABLE (vote_index int, kind smallint, stored_at timestamptz)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
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
$$;

REVOKE ALL ON FUNCTION cast_traced_votes FROM PUBLIC;
GRANT EXECUTE ON FUNCTION cast_traced_votes TO vote_command;

RESET ROLE;
