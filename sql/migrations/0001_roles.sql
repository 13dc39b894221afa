-- Roles, with the least rights that work. Run as a superuser or a role with CREATEROLE. Takes no lock.
-- Owners can't log in. Login and password of the service roles are given by the operator, not here.
-- Roles belong to the cluster, so each is made only if it is missing.

DO $$
DECLARE
    role_name text;
BEGIN
    FOREACH role_name IN ARRAY ARRAY[
        'vote_ledger_owner', 'vote_identity_owner',
        'vote_identity', 'vote_command', 'vote_fanout', 'vote_query', 'vote_auditor'
    ] LOOP
        BEGIN
            EXECUTE format('CREATE ROLE %I NOLOGIN', role_name);
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            NULL;  -- another database of this cluster has it already
        END;
    END LOOP;
END
$$;

-- Reads the WAL. A REPLICATION role can copy a whole cluster: pg_hba.conf must let it in for this database only.
ALTER ROLE vote_fanout REPLICATION;

-- A look-up of one event through the parent must be planned for that event: a generic plan would lock every partition.
ALTER ROLE vote_query SET plan_cache_mode = force_custom_plan;
ALTER ROLE vote_auditor SET default_transaction_read_only = on;

-- A logical message travels to fanout in order with the votes ("closed"): only the ledger's functions may send one.
REVOKE ALL ON FUNCTION pg_logical_emit_message(boolean, text, text, boolean) FROM PUBLIC;
REVOKE ALL ON FUNCTION pg_logical_emit_message(boolean, text, bytea, boolean) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION pg_logical_emit_message(boolean, text, text, boolean) TO vote_ledger_owner;

REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE, CREATE ON SCHEMA public TO vote_ledger_owner;
GRANT USAGE ON SCHEMA public TO vote_command, vote_fanout, vote_query, vote_auditor;

DO $$
BEGIN
    EXECUTE format('GRANT CREATE ON DATABASE %I TO vote_ledger_owner, vote_identity_owner', current_database());
END
$$;
