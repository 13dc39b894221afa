-- What fraud rules judge by is kept as evidence: a row for up to some thousand votes of one event, compressed by command
-- (command/votes/rules/evidence.py unpacks it). And an event knows since when it is open, whatever happens to it later.
-- Locks: ACCESS EXCLUSIVE on events for a moment (a column without a default, a trigger). Votes wait for it.
-- Takes: milliseconds, and some for each event that isn't over (a table each).
-- Expands: goes before the new command process; an old one knows nothing of it.

SET ROLE vote_ledger_owner;

-- Of events that are over already, nobody asks any more.
ALTER TABLE events ADD COLUMN opened_at timestamptz;
UPDATE events SET opened_at = status_at WHERE status = 'open';

CREATE FUNCTION note_opening() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    NEW.opened_at := NEW.status_at;
    RETURN NEW;
END
$$;

-- Whoever changes the status: only the first opening counts.
CREATE TRIGGER events_opened BEFORE UPDATE OF status ON events
    FOR EACH ROW WHEN (NEW.status = 'open' AND OLD.opened_at IS NULL) EXECUTE FUNCTION note_opening();

-- Append-only, by event as votes are: to be detached with them (partitions/020), or dropped alone once the time for
-- which it may be kept is over (partitions/040). It holds keyed hashes of the event, no name and no address.
CREATE TABLE vote_evidence (
    stored_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    event_no  int NOT NULL,
    votes     int NOT NULL,    -- so many are in the block
    hits      jsonb NOT NULL,  -- for each rule that was met: name, version, action, hits, last ([[at_ms, contestant_no]])
    block     bytea NOT NULL
) PARTITION BY LIST (event_no);
CREATE INDEX vote_evidence_time ON vote_evidence (event_no, stored_at);
ALTER TABLE vote_evidence ALTER COLUMN block SET STORAGE EXTERNAL;  -- it is compressed already

-- As in 0003, with a third table.
CREATE OR REPLACE FUNCTION create_event_partitions(p_event_no int, p_modulus int) RETURNS void
LANGUAGE plpgsql SET search_path = public, pg_temp SET lock_timeout = '3s' AS $$
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

-- A table of its own for an event's evidence; standalone, then attached, as the others.
CREATE FUNCTION create_evidence_partition(p_event_no int) RETURNS void
LANGUAGE plpgsql SET search_path = public, pg_temp SET lock_timeout = '3s' AS $$
DECLARE
    evidence_table text := format('vote_evidence_e%s', p_event_no);
BEGIN
    EXECUTE format('CREATE TABLE %I (LIKE vote_evidence INCLUDING DEFAULTS INCLUDING STORAGE)', evidence_table);
    EXECUTE format('ALTER TABLE vote_evidence ATTACH PARTITION %I FOR VALUES IN (%s)', evidence_table, p_event_no);
END
$$;

SELECT create_evidence_partition(event_no) FROM events WHERE status NOT IN ('closed', 'cancelled');

-- The only way in: rows of one event or of several. An event that is unknown, or whose evidence was archived or dropped,
-- gets none.
CREATE FUNCTION store_evidence(p_event_nos int[], p_event_ids uuid[], p_votes int[], p_hits jsonb[], p_blocks bytea[])
RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO vote_evidence (event_no, votes, hits, block)
    SELECT event_no, given.votes, given.hits, given.block
    FROM unnest(p_event_nos, p_event_ids, p_votes, p_hits, p_blocks) AS given (event_no, event_id, votes, hits, block)
    JOIN events e USING (event_no, event_id)
    WHERE has_partition('vote_evidence', event_no);
END
$$;

-- What rules did in an event: {"votes", "rules": [{"name", "version", "action", "hits", "last": [{"at",
-- "contestant_id"}]}]}, with the ten last hits of each. Null: no such event.
CREATE FUNCTION rule_hits(p_event_id uuid) RETURNS jsonb
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = public, pg_temp SET plan_cache_mode = force_custom_plan AS $$
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

REVOKE ALL ON FUNCTION note_opening, create_evidence_partition, store_evidence, rule_hits FROM PUBLIC;
GRANT EXECUTE ON FUNCTION store_evidence, rule_hits TO vote_command;
GRANT SELECT ON vote_evidence TO vote_auditor;

RESET ROLE;
