-- For wrk: one page a request; a client that is told 429 waits for a second, as Retry-After says.
local file = assert(io.open(os.getenv("PAGE"), "rb"))
wrk.method, wrk.body = "POST", file:read("*a")
wrk.headers["Content-Type"] = "image/jpeg"
local waits = 0

function response(status) if status == 429 then waits = waits + 1 end end

function delay()
  if waits == 0 then return 0 end
  waits = waits - 1
  return 1000
end

function done(summary, latency, requests)
  io.write(string.format("munseo %d %d %d %d %d %d\n", summary.requests, summary.duration,
    latency:percentile(50), latency:percentile(95), latency:percentile(99),
    summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout))
end
