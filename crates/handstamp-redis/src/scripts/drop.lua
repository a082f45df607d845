-- Ends a session, whoever's it is. KEYS: session, owner. Answers how many it has ended.
local ended = redis.call('UNLINK', KEYS[1])
if ended == 1 then redis.call('DEL', KEYS[2]) end
return ended
