-- Writes one source's tally of one event and publishes it, unless a later one is there already.
-- KEYS[1]  the tally's hash
-- ARGV     1 system identifier   2 order (epoch, timeline and LSN, sorts as text)   3 payload   4 channel
--          5 what the channel is told: the payload, and the traces of its newest votes, which are kept nowhere
-- Answers 1 if written, 0 if refused. The counts are absolute, so the same position again is harmless.
-- A key of another type is none of ours: it goes, as if the tally had been lost.
local kind = redis.call('TYPE', KEYS[1]).ok
if kind ~= 'hash' and kind ~= 'none' then
    redis.call('DEL', KEYS[1])
end
local stored = redis.call('HMGET', KEYS[1], 'system', 'order')
if stored[1] == ARGV[1] and stored[2] and stored[2] > ARGV[2] then
    return 0
end
redis.call('HSET', KEYS[1], 'system', ARGV[1], 'order', ARGV[2], 'payload', ARGV[3])
redis.call('PUBLISH', ARGV[4], ARGV[5])
return 1
