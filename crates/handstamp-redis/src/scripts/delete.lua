-- Ends a session.
-- KEYS: session, owner. ARGV: id, lists.
-- Answers nil: there is none; {document}; {document, owner}.
local document = redis.call('GETDEL', KEYS[1])
if not document then return false end
local owner = redis.call('GETDEL', KEYS[2])
if not owner or string.sub(owner, 1, 1) ~= '=' then return {document} end
owner = string.sub(owner, 2)
if ARGV[2] ~= '' then redis.call('ZREM', ARGV[2] .. owner, ARGV[1]) end
return {document, owner}
