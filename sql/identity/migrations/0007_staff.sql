-- Roles of staff, and who gave and took them: by a function that writes the log in the same transaction, and in no other way.
-- Locks: SHARE on identity.users while an index is built (a second per million rows): registrations wait.
-- Goes together with the new identity process and command line: older ones can't make staff any more; all else of theirs
-- goes on.

SET ROLE vote_identity_owner;

-- What was done to people with a role, and to those who got or lost one. Whoever serves may add rows and see them, and
-- nobody may change or delete one; `at` is always the database's.
CREATE TABLE identity.audit_log (
    audit_no bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    actor    text NOT NULL,  -- a user_id, or an operator's name at the command line
    role     text NOT NULL CHECK (role IN ('admin', 'operator', 'self')),  -- as what they did it
    action   text NOT NULL,
    user_id  uuid,  -- to whom; no reference, since the log outlives people
    before   jsonb,
    after    jsonb,
    trace_id text
);

CREATE INDEX users_staff ON identity.users (user_id) WHERE roles <> '{viewer}';

-- Gives a person a role, or takes it away, and logs it; the same again does nothing. Whoever loses one loses the sessions:
-- a trigger has their tokens refused everywhere. Answers the roles. SQLSTATE VI404: no such person; VI409: it is the
-- last admin.
CREATE FUNCTION identity.change_role(
    p_user_id uuid, p_role text, p_has boolean, p_actor text, p_actor_role text, p_trace_id text
) RETURNS text[]
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, identity, pg_temp AS $$
DECLARE
    v_before text[];
    v_after  text[];
BEGIN
    -- One at a time: two admins who take each other's role away would leave none.
    PERFORM pg_advisory_xact_lock(hashtextextended('identity.change_role', 0));
    SELECT roles INTO v_before FROM identity.users WHERE user_id = p_user_id FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'user not found' USING ERRCODE = 'VI404';
    END IF;
    IF (p_role = ANY (v_before)) = p_has THEN
        RETURN v_before;
    END IF;
    IF p_role = 'admin' AND NOT p_has AND NOT EXISTS (
        SELECT FROM identity.users WHERE roles <> '{viewer}' AND 'admin' = ANY (roles) AND user_id <> p_user_id
    ) THEN
        RAISE EXCEPTION 'this is the last admin; make another one first' USING ERRCODE = 'VI409';
    END IF;
    v_after := array_remove(array_remove(v_before, 'viewer'), p_role);
    IF p_has THEN
        v_after := v_after || p_role;
    ELSIF v_after = '{}' THEN
        v_after := '{viewer}';
    END IF;
    UPDATE identity.users SET roles = v_after WHERE user_id = p_user_id;
    IF NOT p_has THEN
        UPDATE identity.sessions SET revoked_at = clock_timestamp()
        WHERE user_id = p_user_id AND revoked_at IS NULL AND expires_at > clock_timestamp();
    END IF;
    INSERT INTO identity.audit_log (actor, role, action, user_id, before, after, trace_id)
    VALUES (p_actor, p_actor_role, CASE WHEN p_has THEN 'role.give' ELSE 'role.take' END, p_user_id,
            jsonb_build_object('roles', v_before), jsonb_build_object('roles', v_after), p_trace_id);
    RETURN v_after;
END
$$;
REVOKE ALL ON FUNCTION identity.change_role FROM PUBLIC;
GRANT EXECUTE ON FUNCTION identity.change_role TO vote_identity;
GRANT SELECT, INSERT (actor, role, action, user_id, before, after, trace_id) ON identity.audit_log TO vote_identity;

-- Whatever a request says: who is made is a viewer, and roles change by the function alone.
REVOKE INSERT ON identity.users FROM vote_identity;
REVOKE UPDATE (roles) ON identity.users FROM vote_identity;
GRANT INSERT (
    user_id, created_at, date_of_birth, username, email, password_hash, voter_seed, registered_with, skeleton, mailbox
) ON identity.users TO vote_identity;

RESET ROLE;
