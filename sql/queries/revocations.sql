-- What each process that verifies tokens asks of the identity database, as role vote_query or vote_command: which tokens
-- are dead before they expire.

-- name: listen
-- Has a connection told of each revocation.
LISTEN revocations;

-- name: horizon
-- The oldest transaction under way: whatever can't be seen yet is written by it, or by a later one.
SELECT pg_snapshot_xmin(pg_current_snapshot())::text AS xact_id;

-- name: revoked_since
-- A page of the sessions and people revoked by transactions from one on, after an id of that one: with the Unix second until
-- which their last token may live, and the transaction. By an index: what it reads is what it gives.
SELECT revoked_id::text, extract(epoch FROM expires_at)::float8, xact_id::text
FROM identity.revoked_since(:xact_id::xid8, :after::uuid, :rows_max);
