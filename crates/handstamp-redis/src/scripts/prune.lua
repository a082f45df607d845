-- Takes sessions out of an owner's list that live no more or are not his.
-- KEYS: list. ARGV: ids. An entry whose time has not run out may be of a session that is being created at
-- this moment: it goes later, if it still is wrong then.
local moment = now()
for _, id in ipairs(ARGV) do
  local expires = redis.call('ZSCORE', KEYS[1], id)
  if expires and tonumber(expires) <= moment then
    redis.call('ZREM', KEYS[1], id)
  elseif expires then
    redis.call('ZADD', KEYS[1], 'XX', 'LT', text(moment + PROBATION), id)
  end
end
