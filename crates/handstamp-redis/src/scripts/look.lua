-- Looks whether a session of an owner's list lives and is his.
-- KEYS: session, owner. ARGV: owner, "its time ran out by the list", "with its document".
-- Answers nil: no; {time left}; {time left, document}.
local left = redis.call('PTTL', KEYS[1])
if left == -2 then return false end
local owner = redis.call('GET', KEYS[2])
if not owner and ARGV[2] == '1' then
  -- connect-redis has extended it and let the owner expire, of whom it knows nothing.
  redis.call('SET', KEYS[2], '=' .. ARGV[1])
  if left > 0 then redis.call('PEXPIRE', KEYS[2], left) end
elseif owner ~= '=' .. ARGV[1] then
  return false
end
if ARGV[3] == '1' then return {left, redis.call('GET', KEYS[1])} end
return {left}
