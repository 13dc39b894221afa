-- What query asks of the identity database, as role vote_query: a function for each question, and nothing else.

-- name: voter_of
-- The pseudonym of a user in one event; null: no such user.
SELECT identity.voter_of(:user_id, :event_no);
