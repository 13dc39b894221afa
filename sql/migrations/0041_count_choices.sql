-- Staff are told for whom an event's votes of each region were, once it is over.
-- Locks: none that anybody waits for (a new function). Takes: milliseconds. To undo: DROP FUNCTION count_choices(int).
-- Expands: goes before the new query process.

SET ROLE vote_ledger_owner;

-- For whom the votes of each region were (a vote of no known region counts as '--'), in sums; nothing before the event is
-- over, once it is archived, or when that were more than 10,000 numbers. Of a region with fewer than ten votes it isn't
-- told, and where all those together have fewer than ten, of the next larger one neither: else the event's totals minus
-- what is told would be what these few people have chosen. Reads the event once, and keeps no more than its groups.
CREATE FUNCTION count_choices(p_event_no int) RETURNS TABLE (region text, contestant_no int, votes bigint)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = public, pg_temp SET plan_cache_mode = force_custom_plan SET enable_sort = off SET work_mem = '64MB' AS $$
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
REVOKE ALL ON FUNCTION count_choices(int) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION count_choices(int) TO vote_query;

RESET ROLE;
