-- Puts a session into its owner's list, to expire after this lifetime.
local function enter(list, id, lifetime)
  local moment, keep = now(), string.format('%.0f', lifetime + SLACK)
  redis.call('ZREMRANGEBYSCORE', list, '-inf', text(moment - SLACK))
  redis.call('ZADD', list, text(moment + lifetime), id)
  redis.call('PEXPIRE', list, keep, 'NX')
  redis.call('PEXPIRE', list, keep, 'GT')
end
