-- What staff are told of an event beyond its numbers: statistics of its votes, and who did what.
-- Locks: SHARE on audit_log while its index is made: changes of events wait, votes don't.
-- Takes: a second for each million of its rows.
-- Expands: goes before the new query and command processes; old ones know nothing of it, and add up no assurance.

SET ROLE vote_ledger_owner;

-- Of one person, newest first.
CREATE INDEX audit_log_actor ON audit_log (actor, audit_no);
GRANT SELECT ON audit_log TO vote_query;

-- How many votes an event has by minute and by region (the other one is null; a vote of no known region counts as '--'),
-- read off one leaf, 0 … modulus - 1; nothing once it is archived. So a statement is short whatever the event's size,
-- which a standby likes, and reads no other event's partition. Tells sums only: who asks may not see a vote's region, and
-- for whom it was isn't even looked at. (Without sorting: that there are few groups is nothing that the planner can know.)
CREATE FUNCTION count_leaf(p_event_no int, p_leaf int) RETURNS TABLE (minute timestamptz, region text, votes bigint)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = public, pg_temp SET enable_sort = off SET work_mem = '64MB' AS $$
BEGIN
    IF has_partition('votes', p_event_no) THEN
        RETURN QUERY EXECUTE format(
            'SELECT date_bin(''1 minute'', voted_at, ''epoch''), coalesce(region, ''--'')::text, count(*) FROM %I
             GROUP BY GROUPING SETS ((1), (2))', format('votes_e%s_p%s', p_event_no, p_leaf));
    END IF;
END
$$;
REVOKE ALL ON FUNCTION count_leaf(int, int) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION count_leaf(int, int) TO vote_query;

-- On how many devices an event's votes were cast, as far as these were told. Sorts them on disk.
CREATE FUNCTION count_devices(p_event_no int) RETURNS bigint
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = public, pg_temp SET plan_cache_mode = force_custom_plan SET work_mem = '64MB' AS $$
BEGIN
    RETURN (SELECT count(DISTINCT device) FROM votes WHERE event_no = p_event_no);
END
$$;
REVOKE ALL ON FUNCTION count_devices(int) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION count_devices(int) TO vote_query;

-- How it was known who voted, in sums: a vote's row doesn't say it. Added up from the evidence of fraud rules, so without
-- the votes whose evidence was dropped.
CREATE TABLE vote_assurances (
    event_no int NOT NULL REFERENCES events,
    level    text NOT NULL,
    votes    bigint NOT NULL,
    PRIMARY KEY (event_no, level)
);
GRANT SELECT ON vote_assurances TO vote_query, vote_auditor;

-- As of before, and with so many accepted votes of each level for each row: [{"password": 12, "mail": 3}, …].
CREATE FUNCTION store_evidence(
    p_event_nos int[], p_event_ids uuid[], p_votes int[], p_hits jsonb[], p_blocks bytea[], p_assurances jsonb[]
) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
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
REVOKE ALL ON FUNCTION store_evidence(int[], uuid[], int[], jsonb[], bytea[], jsonb[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION store_evidence(int[], uuid[], int[], jsonb[], bytea[], jsonb[]) TO vote_command;

RESET ROLE;
