-- Which operator changed an event at the command line: its connection says who. Takes ACCESS EXCLUSIVE on audit_log for
-- a moment; there is nothing to rewrite. Goes before the new command line.

SET ROLE vote_ledger_owner;

ALTER TABLE audit_log ADD COLUMN operator text;  -- null: a person, or the schedule
ALTER TABLE audit_log ALTER COLUMN operator SET DEFAULT nullif(current_setting('vote.operator', true), '');

RESET ROLE;
