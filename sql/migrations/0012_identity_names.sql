-- People are told apart by folded names and mail addresses, a refresh token has its grace from its own use on.
-- Needs Postgres 18: casefold() and the collation pg_unicode_fast, which is the same on every machine.
-- Locks: SHARE on identity.users while two indexes are built (a second per million people): registrations wait, logins
-- don't; ACCESS EXCLUSIVE on identity.sessions for a moment, nothing is rewritten.
-- Rows that are there: two people whose names fold to one (as with a final sigma) stop this migration, and the error
-- says the name; rename one of them and run it again. Mail addresses were kept as they were typed: domains in Unicode
-- stay so, and count as another mailbox than their punycode. They are found by
--   SELECT user_id, email FROM identity.users WHERE email ~ '@.*[^[:ascii:]]';
-- Goes before the new identity process. An old one runs on beside it: indexes users_username and users_email and the
-- column sessions.previous_hash are only for it, and stay until the next migration that may drop them.

SET ROLE vote_identity_owner;

-- What two spellings of one name have in common: case (a final sigma and the sharp s included), forms of width, joiners
-- and variation selectors, which are hardly seen; and the four letters i of Turkish, whose case is a matter of language.
CREATE FUNCTION identity.folded(p_text text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT normalize(replace(translate(casefold(normalize(p_text, NFKC) COLLATE pg_unicode_fast),
        U&'\0131\200C\200D\FE0E\FE0F', 'i'), U&'i\0307', 'i'), NFKC)
$$;
REVOKE ALL ON FUNCTION identity.folded FROM PUBLIC;
GRANT EXECUTE ON FUNCTION identity.folded TO vote_identity;

CREATE UNIQUE INDEX users_folded_username ON identity.users (identity.folded(username));
CREATE UNIQUE INDEX users_folded_email ON identity.users (identity.folded(email));

-- When the family was rotated before rotated_at, newest first. Tokens follow from each other by a key that Postgres
-- hasn't got, so the n-th of these moments is when the token n + 1 places before the current one was used.
ALTER TABLE identity.sessions ADD COLUMN earlier_rotations timestamptz[] NOT NULL DEFAULT '{}';
GRANT UPDATE (earlier_rotations) ON identity.sessions TO vote_identity;

RESET ROLE;
