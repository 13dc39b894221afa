-- Devices are counted by slices, each in memory: sorting those of millions of votes on disk held up the commits of voting.
-- Locks: none that anybody waits for (a new function). Takes: milliseconds.
-- Expands: goes before the new query process; the function that it takes the place of is dropped once no old one runs.

SET ROLE vote_ledger_owner;

-- On how many devices an event's votes were cast, as far as these were told, of those in one slice, 0 … slices - 1, a power
-- of two: devices are hashes, so a slice has its share of them. A scan of the event, and memory for the slice's devices.
CREATE FUNCTION count_devices(p_event_no int, p_slice int, p_slices int) RETURNS bigint
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = public, pg_temp SET plan_cache_mode = force_custom_plan SET enable_sort = off SET work_mem = '64MB' AS $$
BEGIN
    RETURN (SELECT count(*) FROM (
        SELECT FROM votes WHERE event_no = p_event_no AND device & (p_slices - 1) = p_slice GROUP BY device) AS devices);
END
$$;
REVOKE ALL ON FUNCTION count_devices(int, int, int) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION count_devices(int, int, int) TO vote_query;

RESET ROLE;
