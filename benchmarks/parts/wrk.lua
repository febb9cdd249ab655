-- Sends the requests of a file in turns, and prints what came of it on one line.
local requests = {}

function init(args)
  local input = assert(io.open(args[1], "rb"))
  for length in function() return input:read("*l") end do
    requests[#requests + 1] = input:read(tonumber(length))
    input:read("*l")
  end
  input:close()
end

local next = 0
function request()
  next = next % #requests + 1
  return requests[next]
end

function done(summary, latency, _)
  local bad = summary.errors
  io.write(string.format(
    "RESULT per_second=%.1f p50_us=%.1f p99_us=%.1f requests=%d errors=%d\n",
    summary.requests / (summary.duration / 1e6), latency:percentile(50), latency:percentile(99), summary.requests,
    bad.connect + bad.read + bad.write + bad.status + bad.timeout))
end
