-- What an audit of seals reads: the rows of one partition, as their seals cover them.
-- Locks: none that anybody waits for (a new function). Takes: milliseconds.
-- Expands: goes before the new audit tool.

SET ROLE vote_ledger_owner;

-- Of each row of one partition of an event, 0 … modulus - 1, the seal (16 bytes) and what it was made of (37 bytes), as
-- contract/seal.py says; nothing once the event is archived. One partition at a time, so that several can be read at
-- once, and no statement is longer than a standby likes. Whoever may read votes may read the same by it.
CREATE FUNCTION sealed_rows(p_event_no int, p_leaf int) RETURNS SETOF bytea
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF has_partition('votes', p_event_no) THEN
        RETURN QUERY EXECUTE format(
            'SELECT seal || int8send((extract(epoch FROM voted_at) * 1000000)::bigint) || int8send(coalesce(device, 0))
                 || int4send(event_no) || int2send(contestant_no)
                 || set_byte(''\x00'', 0, (device IS NOT NULL)::int + 2 * (region IS NOT NULL)::int)
                 || coalesce(convert_to(region, ''UTF8''), ''\x0000'') || voter FROM %I',
            format('votes_e%s_p%s', p_event_no, p_leaf));
    END IF;
END
$$;
REVOKE ALL ON FUNCTION sealed_rows(int, int) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION sealed_rows(int, int) TO vote_auditor;

RESET ROLE;
