-- What others may ask of the identity database: a function for each, and nothing else.

-- name: user_exists
-- Whether there is a user of this id; as role vote_command.
SELECT identity.user_exists(:user_id);

-- name: voter_of
-- The pseudonym of a user in one event; null: no such user; as role vote_query.
SELECT identity.voter_of(:user_id, :event_no);
