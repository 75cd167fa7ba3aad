-- wrk: EACH requests for each caller, in turn. Arguments: EACH, and "tenant" where the call belongs to a workspace.
-- BENCH_CALLERS names a file of lines TOKEN TENANT.
local requests, count, sent, each = {}, 0, 0, 1

function init(arguments)
  each = tonumber(arguments[1])
  for line in io.lines(os.getenv("BENCH_CALLERS")) do
    local token, tenant = line:match("(%S+)%s+(%S+)")
    local headers = { ["Authorization"] = "Bearer " .. token }
    -- A call that belongs to no workspace names none.
    if arguments[2] == "tenant" then headers["X-Tenant-Id"] = tenant end
    count = count + 1
    requests[count] = wrk.format("GET", nil, headers)
  end
end

function request()
  sent = sent + 1
  return requests[math.floor(sent / each) % count + 1]
end

function done(summary)
  local errors = summary.errors
  local failed = errors.connect + errors.read + errors.write + errors.timeout + errors.status
  io.write(string.format("rate %.1f failed %d\n", summary.requests / summary.duration * 1e6, failed))
end
