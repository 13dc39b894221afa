-- Holds streams of one user until their lease ends, if there is room; those whose lease has ended make room.
-- KEYS[1]  the user's streams: each with the moment when its lease ends, in ms of this server's clock
-- ARGV     1 lease in ms   2 streams a user may have, 0: these are held already, so they stay   3 … the streams
-- Answers 1 if they are held, 0 if there is no room. The same again is harmless: it renews them.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
local most = tonumber(ARGV[2])
if most > 0 and redis.call('ZCARD', KEYS[1]) + #ARGV - 2 > most then
    return 0
end
for each = 3, #ARGV do
    redis.call('ZADD', KEYS[1], now + ARGV[1], ARGV[each])
end
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return 1
