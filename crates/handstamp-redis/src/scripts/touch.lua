-- Sets how long a session has left.
-- KEYS: session, owner. ARGV: lifetime, id, lists.
-- Answers nil: there is none; {}: done; {owner}: done, and it is his.
if redis.call('PEXPIRE', KEYS[1], ARGV[1]) == 0 then return false end
local owner = redis.call('GET', KEYS[2])
if not owner then return {} end
redis.call('PEXPIRE', KEYS[2], ARGV[1])
if string.sub(owner, 1, 1) ~= '=' then return {} end
owner = string.sub(owner, 2)
if ARGV[3] ~= '' then
  if ARGV[1] == '0' then
    redis.call('ZREM', ARGV[3] .. owner, ARGV[2])
  else
    enter(ARGV[3] .. owner, ARGV[2], ARGV[1])
  end
end
return {owner}
