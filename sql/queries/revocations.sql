-- What each process that verifies tokens asks of the identity database, as role vote_query or vote_command: which tokens
-- are dead before they expire.

-- name: listen
-- Has a connection told of each revocation.
LISTEN revocations;

-- name: revoked_since
-- Sessions and people revoked since a moment of that database's clock, with the Unix second until which their last
-- token may live. By an index on the moment: what it reads is what it gives.
SELECT revoked_id, extract(epoch FROM expires_at)::float8, revoked_at FROM identity.revoked_since(:since);
