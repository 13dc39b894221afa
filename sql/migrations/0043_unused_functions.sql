-- What no process calls any more goes: the step that contracts what others had expanded. count_devices/1 took long sorts, until
-- 0035; cast_votes/8 didn't ask which event a number is meant for, until 0009; create_event/6 and apply_schedule/0 were those of
-- before 0021.
-- Locks: none that anybody waits for. Takes: milliseconds. To undo: their text stands in those files and in 0004, 0010 and 0025.
-- Contracts: goes once every command process is newer than 0021 and every query process newer than 0035. One that is older
-- can't count devices any more, and takes no votes.

SET ROLE vote_ledger_owner;

-- squawk-ignore ban-drop-function
DROP FUNCTION IF EXISTS count_devices(int);
-- squawk-ignore ban-drop-function
DROP FUNCTION IF EXISTS cast_votes(int, timestamptz, bytea[], smallint[], bigint[], text[], bytea[], smallint[]);
-- squawk-ignore ban-drop-function
DROP FUNCTION IF EXISTS create_event(jsonb, int, uuid, text, text, bytea);
-- squawk-ignore ban-drop-function
DROP FUNCTION IF EXISTS apply_schedule();

RESET ROLE;
