-- What command asks of the identity database, as role vote_command: a function for each question, and nothing else.

-- name: user_exists
-- Whether there is a user of this id.
SELECT identity.user_exists(:user_id);
