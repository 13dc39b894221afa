-- People are told apart by what their names look like, and by the mailbox that their address leads to.
-- Both are made by identity: the letters that look alike are a table of Unicode's, the rules of mailboxes a file. People
-- who are there already have none, and keep nobody out, until `python -m command.identity likeness` was run, which also
-- says who is like whom. Run it again when the file or the table has changed.
-- Locks: ACCESS EXCLUSIVE on identity.users for a moment (columns without a default: nothing is rewritten), then SHARE
-- while two indexes without rows are built: registrations wait for a second per few million people.
-- Goes before the new identity process; an old one runs on beside it, and its people have neither until the line is run.

SET ROLE vote_identity_owner;

ALTER TABLE identity.users ADD COLUMN skeleton text, ADD COLUMN mailbox text;
CREATE UNIQUE INDEX users_skeleton ON identity.users (skeleton);
CREATE UNIQUE INDEX users_mailbox ON identity.users (identity.folded(mailbox));

GRANT UPDATE (skeleton, mailbox) ON identity.users TO vote_identity;

RESET ROLE;
