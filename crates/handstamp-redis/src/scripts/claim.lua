-- Says whose a session is that is about to be created.
-- KEYS: owner. ARGV: owner, lifetime. Answers 1: done; 2: a revocation has passed by, as in create.lua.
if redis.call('GET', KEYS[1]) == '!' then
  redis.call('DEL', KEYS[1])
  return 2
end
redis.call('SET', KEYS[1], '=' .. ARGV[1], 'PX', ARGV[2])
return 1
