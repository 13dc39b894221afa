-- What staff are told of an event's making: when it was last changed, and when each contestant was added to it.
-- Locks nothing that anybody waits for: a function is made. Goes before the new command process.

SET ROLE vote_ledger_owner;

-- When an event was changed last, and when contestants were added to it after its making, by contestant_id. The log has
-- both by its index of events, while command may read none of the log itself: who changed what is for auditors.
CREATE FUNCTION history_of(p_event_id uuid) RETURNS TABLE (changed_at timestamptz, added jsonb)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = public, pg_temp AS $$
    SELECT max(at), jsonb_object_agg(after ->> 'contestant_id', at) FILTER (WHERE action = 'event.contestant.add')
    FROM audit_log WHERE event_id = p_event_id
$$;
REVOKE ALL ON FUNCTION history_of(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION history_of(uuid) TO vote_command;

RESET ROLE;
