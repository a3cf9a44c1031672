-- Lets a request through only if it carries "User: admin". Runs unchanged in Envoy.

function envoy_on_request(handle)
  if handle:headers():get("user") ~= "admin" then
    handle:respond({ [":status"] = "403" }, "forbidden\n")
  end
end
