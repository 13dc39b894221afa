-- Events for canaries: programs that try the whole way of a vote, day and night (ops/synthetic). Their tokens have a level
-- of their own, so no other event takes their votes and theirs takes nobody else's; and it is a rehearsal for good.
-- Locks: ACCESS EXCLUSIVE on events until the checks have looked at all of them. Votes and changes of events wait for it.
-- Takes: milliseconds for thousands of events.
-- Expands: goes before the new processes. Old ones fail to read such an event, and take canaries for people: so let
-- ./ops/admin canaries make none before all processes are new.

SET ROLE vote_ledger_owner;

ALTER TABLE events
    DROP CONSTRAINT events_assurance_min_check,
    ADD CONSTRAINT events_assurance_min_check
        CHECK (assurance_min IN ('canary', 'password', 'mail', 'federated', 'attested')),
    ADD CONSTRAINT events_canary_rehearses CHECK (assurance_min <> 'canary' OR rehearsal);

RESET ROLE;
