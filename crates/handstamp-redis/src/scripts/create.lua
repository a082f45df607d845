-- Creates a session of an owner.
-- KEYS: session, owner, (on one server) list. ARGV: document, lifetime, owner, id.
-- Answers 1: done; 0: it lives already; 2: a revocation has passed by, so the session has to be entered in
-- its list once more before it is created.
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
if redis.call('GET', KEYS[2]) == '!' then
  redis.call('DEL', KEYS[2])
  return 2
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
redis.call('SET', KEYS[2], '=' .. ARGV[3], 'PX', ARGV[2])
if KEYS[3] then enter(KEYS[3], ARGV[4], ARGV[2]) end
return 1
