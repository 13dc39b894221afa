-- Says how far a source is counted, only if what was said last is still there: else Redis was flushed or restored, or
-- somebody else writes.
-- KEYS[1]  applied:source
-- ARGV     1 what is there, '' for nothing   2 what to write
-- Answers 1 if written, 0 if not. A key of another type counts as nothing.
local there = redis.call('TYPE', KEYS[1]).ok == 'string' and redis.call('GET', KEYS[1]) or ''
if there ~= ARGV[1] then
    return 0
end
redis.call('SET', KEYS[1], ARGV[2])
return 1
