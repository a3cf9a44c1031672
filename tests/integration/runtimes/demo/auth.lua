-- The demo in Lua; the filter's context says who may pass. X-Do makes it fail, or never come to a verdict.

function envoy_on_request(handle)
  local headers = handle:headers()
  local what = headers:get("x-do")
  if what == "fail" then error("told to fail") end
  if what == "never" then
    handle:httpCall("upstream", { [":method"] = "GET", [":path"] = "/silent", [":authority"] = "upstream" }, nil, 600000)
  end
  if headers:get("user") ~= handle:filterContext():get("user") then
    handle:respond({ [":status"] = "403" }, "forbidden\n")
  end
end
