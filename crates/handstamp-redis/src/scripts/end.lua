-- Ends a session of an owner's list if it is his.
-- KEYS: session, owner. ARGV: owner, "its time ran out by the list", id, lists.
-- Answers how many it has ended.
local owner = redis.call('GET', KEYS[2])
local his = owner == '=' .. ARGV[1] or (not owner and ARGV[2] == '1')
if redis.call('EXISTS', KEYS[1]) == 0 then
  -- On a Cluster it may be about to be created: then it has to be entered once more, for us to see.
  if ARGV[4] == '' then redis.call('SET', KEYS[2], '!', 'PX', 60000) end
  return 0
end
if not his then return 0 end
redis.call('DEL', KEYS[1], KEYS[2])
if ARGV[4] ~= '' then redis.call('ZREM', ARGV[4] .. ARGV[1], ARGV[3]) end
return 1
