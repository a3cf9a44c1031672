// Exercises the AssemblyScript SDK: configuration, headers of both directions, a local response.
export * from "@solo-io/proxy-runtime/proxy";
import { Context, FilterHeadersStatusValues, RootContext, log, LogLevelValues, registerRootContext, send_local_response, GrpcStatusValues, stream_context } from "@solo-io/proxy-runtime";

class Root extends RootContext {
  createContext(context_id: u32): Context {
    return new Filter(context_id, this);
  }
}

class Filter extends Context {
  constructor(context_id: u32, root: Root) {
    super(context_id, root);
  }
  onRequestHeaders(count: u32, end_of_stream: bool): FilterHeadersStatusValues {
    if (stream_context.headers.request.get("user") != "admin") {
      send_local_response(403, "no", String.UTF8.encode("forbidden"), [], GrpcStatusValues.PermissionDenied);
      return FilterHeadersStatusValues.StopIteration;
    }
    stream_context.headers.request.replace("x-replaced", "new");
    stream_context.headers.request.remove("x-drop");
    log(LogLevelValues.info, "let in");
    return FilterHeadersStatusValues.Continue;
  }
  onResponseHeaders(count: u32, end_of_stream: bool): FilterHeadersStatusValues {
    stream_context.headers.response.add("hello", this.root_context.getConfiguration());
    return FilterHeadersStatusValues.Continue;
  }
}

registerRootContext((context_id: u32) => { return new Root(context_id); }, "");
