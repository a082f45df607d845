-- Replaces a session if its document still has this digest, and leaves its owner alone; no lifetime ends it.
-- KEYS: session. ARGV: digest, document, lifetime. Answers nil: gone; {document, time left}: conflict; {}: done.
local document = redis.call('GET', KEYS[1])
if not document then return false end
if string.sub(redis.sha1hex(document), 1, 32) ~= ARGV[1] then
  return {document, redis.call('PTTL', KEYS[1])}
end
if ARGV[3] == '0' then
  redis.call('DEL', KEYS[1])
else
  redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
end
return {}
