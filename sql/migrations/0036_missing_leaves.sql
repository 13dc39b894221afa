-- An audit of seals doesn't stop at a partition that is gone: it has no rows, and question 34 says that it isn't there.
-- Locks: none that anybody waits for (a function is replaced). Takes: milliseconds.
-- Expands: whatever asks the old one is answered by the new one, too.

SET ROLE vote_ledger_owner;

-- As in 0028, but of a partition that was dropped or renamed there is nothing, instead of an error.
CREATE OR REPLACE FUNCTION sealed_rows(p_event_no int, p_leaf int) RETURNS SETOF bytea
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
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

RESET ROLE;
