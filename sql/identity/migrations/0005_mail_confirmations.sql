-- Confirmed mail addresses. Takes no lock that anybody waits for: all objects are new. Goes before the new identity process.

SET ROLE vote_identity_owner;

-- One row a person whose mail address is confirmed, or who asked for another mail about that.
CREATE TABLE identity.mail_confirmations (
    user_id      uuid PRIMARY KEY REFERENCES identity.users ON DELETE CASCADE,
    sent_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    confirmed_at timestamptz,
    sent         smallint NOT NULL DEFAULT 1  -- mails asked for, until a day goes by without one
);

GRANT SELECT, INSERT, UPDATE (sent_at, sent, confirmed_at) ON identity.mail_confirmations TO vote_identity;

RESET ROLE;
