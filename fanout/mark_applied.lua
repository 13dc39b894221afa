-- Says how far a source is counted, only if what was said last is still there: else Redis was flushed or restored.
-- KEYS[1]  applied:source
-- ARGV     1 what was written last   2 what to write   3 channel   4 … what to publish there: changes of events
-- Answers 1 if written, 0 if not.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
    return 0
end
redis.call('SET', KEYS[1], ARGV[2])
for i = 4, #ARGV do
    redis.call('PUBLISH', ARGV[3], ARGV[i])
end
return 1
