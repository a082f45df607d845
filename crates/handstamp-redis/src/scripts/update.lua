-- Replaces a session if its document still has this digest; no lifetime ends it.
-- KEYS: session, owner. ARGV: digest, document, lifetime, id, lists, owner or '-', "must be his already".
-- On one server `lists` is what the keys of lists begin with; on a Cluster it is empty.
-- Answers nil: gone; {document, time left}: conflict; {}: done; {owner}: done, and it was his before;
-- 1: it is not his yet.
local document = redis.call('GET', KEYS[1])
if not document then return false end
if string.sub(redis.sha1hex(document), 1, 32) ~= ARGV[1] then
  return {document, redis.call('PTTL', KEYS[1])}
end
local before = redis.call('GET', KEYS[2])
if ARGV[7] == '1' and before ~= ARGV[6] then return 1 end

if ARGV[3] == '0' then
  redis.call('DEL', KEYS[1], KEYS[2])
else
  redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
  -- Who takes a session from its owner says so: without a word, it would be his for who finds it in his list.
  if before or ARGV[6] ~= '-' then redis.call('SET', KEYS[2], ARGV[6], 'PX', ARGV[3]) end
end

local owned = before and string.sub(before, 1, 1) == '='
if ARGV[5] ~= '' then
  if owned and (ARGV[3] == '0' or before ~= ARGV[6]) then
    redis.call('ZREM', ARGV[5] .. string.sub(before, 2), ARGV[4])
  end
  if ARGV[3] ~= '0' and ARGV[6] ~= '-' then
    enter(ARGV[5] .. string.sub(ARGV[6], 2), ARGV[4], ARGV[3])
  end
end
if owned then return {string.sub(before, 2)} end
return {}
