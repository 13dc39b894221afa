-- Sessions of canaries: programs that try the whole way of a vote (ops/synthetic), and are known for that.
-- Locks: ACCESS EXCLUSIVE on identity.sessions while the check looks at all of them; logins and refreshes wait for it.
-- Takes: a second for some million sessions.
-- Expands: goes before the new identity process, and that before ./ops/admin canaries makes the first of them.

SET ROLE vote_identity_owner;

ALTER TABLE identity.sessions
    DROP CONSTRAINT sessions_assurance_check,
    ADD CONSTRAINT sessions_assurance_check
        CHECK (assurance IN ('canary', 'password', 'mail', 'federated', 'attested'));

RESET ROLE;
