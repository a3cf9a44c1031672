import com.google.gson.Gson;
import com.google.gson.reflect.TypeToken;
import headgate.plugin.PluginServer;
import headgate.plugin.proto.Request;
import headgate.plugin.proto.Response;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Function;

/** Lets a request pass only if it carries every header of a JSON file, with the value given there. */
public final class SkeletonName implements Function<Request, Response> {
  /** The status that the preset "checker" of Headgate's filter "plugin" answers with 403. */
  static final int REJECTED = -1;

  private final Map<String, String> wanted;

  SkeletonName(Map<String, String> wanted) {
    this.wanted = wanted;
  }

  /** Answers one request of the proxy. Its headers' names may be in any case. */
  @Override
  public Response apply(Request request) {
    Map<String, String> header = new TreeMap<>(String.CASE_INSENSITIVE_ORDER);
    header.putAll(request.getHeaderMap());
    for (Map.Entry<String, String> wish : wanted.entrySet()) {
      if (!wish.getValue().equals(header.get(wish.getKey()))) {
        return Response.newBuilder().setStatus(REJECTED).build();
      }
    }
    return Response.getDefaultInstance();
  }

  static SkeletonName load(Path path) throws IOException {
    return new SkeletonName(new Gson().fromJson(Files.readString(path), new TypeToken<Map<String, String>>() {}.getType()));
  }

  public static void main(String[] arguments) throws IOException, InterruptedException {
    boolean named = arguments.length == 2 && arguments[0].equals("-c");
    SkeletonName checker = load(Path.of(named ? arguments[1] : "checkconf.json"));
    System.err.println("wanted: " + checker.wanted.size() + " headers");
    PluginServer.serve(checker);
    System.err.println("stopped");
  }
}
