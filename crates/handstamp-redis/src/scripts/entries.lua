-- Reads an owner's list.
-- KEYS: list. Answers the time of this server, then each id and when it expires.
local entries = redis.call('ZRANGE', KEYS[1], 0, -1, 'WITHSCORES')
table.insert(entries, 1, text(now()))
return entries
