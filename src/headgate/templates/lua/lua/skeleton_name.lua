-- Lets a request pass only if it carries the header that the configuration names, with the value given there.

function envoy_on_request(handle)
  local wanted = handle:filterContext()
  if handle:headers():get(wanted:get("header")) ~= wanted:get("value") then
    handle:respond({ [":status"] = "403" }, "forbidden\n")
  end
end
