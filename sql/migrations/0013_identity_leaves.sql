-- People, applications and sessions leave the ledger's database for one of their own (sql/identity/), so that who may read
-- this database's WAL reads no seed and no password hash. Drops the schema identity; refuses while a row is left in it.
--
-- python -m ops.migrate (and ./ops/up) does all of it in one go: under the lock below it copies the rows, compares each
-- table with its copy byte by byte, empties the old tables, and runs this file. If it is interrupted, run it again.
-- By hand, with real servers:
--   1. Migrate the identity database:  psql -1 -f sql/identity/migrations/0001_people.sql "$IDENTITY_DATABASE_URL"
--   2. Stop the identity process: nobody can log in until 5, votes go on. From 4 until 5 the other old processes
--      answer 500 where they look a user up (create for somebody else, an admin's look at somebody's vote).
--   3. psql -c 'ALTER TABLE identity.sessions DROP COLUMN previous_hash' "$DATABASE_URL"
--      pg_dump --data-only --schema=identity "$DATABASE_URL" | psql -1 -v ON_ERROR_STOP=1 "$IDENTITY_DATABASE_URL"
--      Compare on both sides:  SELECT (SELECT count(*) FROM identity.applications),
--        (SELECT count(*) FROM identity.users), (SELECT count(*) FROM identity.sessions);
--   4. TRUNCATE identity.applications, identity.users, identity.sessions; then run this file.
--   5. Start the new identity, command and query with their IDENTITY_DATABASE_URL.
-- Base backups and archived WAL from before still hold seeds and password hashes: let them end.
--
-- Locks: ACCESS EXCLUSIVE on the tables of identity. Takes: milliseconds, since they are empty.

DO $$
BEGIN
    LOCK TABLE identity.applications, identity.users, identity.sessions IN ACCESS EXCLUSIVE MODE;
    IF EXISTS (SELECT FROM identity.applications) OR EXISTS (SELECT FROM identity.users) THEN
        RAISE EXCEPTION 'people or applications are still in the schema identity of %', current_database()
            USING HINT = 'Move them first, by python -m ops.migrate or by hand: see the head of 0013_identity_leaves.sql.';
    END IF;
    EXECUTE format('REVOKE CREATE ON DATABASE %I FROM vote_identity_owner', current_database());
END
$$;

DROP SCHEMA identity CASCADE;
