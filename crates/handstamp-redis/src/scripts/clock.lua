-- How long a list of an owner stays after the last of its sessions has expired: as long, a session that
-- only connect-redis extends (which knows nothing of lists) is still found. In milliseconds: 30 days.
local SLACK = 2592000000
-- How long an entry stays that is not needed any more: longer than any write that is under way takes.
local PROBATION = 60000

-- Milliseconds since 1970 by this server's clock, to the microsecond: so that an entry that is made again is
-- seen to be another.
local function now()
  local time = redis.call('TIME')
  return time[1] * 1000 + time[2] / 1000
end

-- As text that loses nothing, which tostring() would.
local function text(moment)
  return string.format('%.3f', moment)
end
