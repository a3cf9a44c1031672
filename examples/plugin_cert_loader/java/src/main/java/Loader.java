import com.google.gson.Gson;
import com.google.protobuf.ByteString;
import headgate.plugin.PluginServer;
import headgate.plugin.proto.Request;
import headgate.plugin.proto.Response;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.function.Function;

/** Hands out a certificate, its key and a CA's certificate. They are read anew for each call, so changed files are taken up. */
public final class Loader implements Function<Request, Response> {
  private final Path folder;

  Loader(Path folder) {
    this.folder = folder;
  }

  /** Asked without anything; the answer's body is JSON. */
  @Override
  public Response apply(Request request) {
    Map<String, String> files = new HashMap<>();
    try {
      for (String name : new String[] {"cert", "key", "ca"}) {
        files.put(name + "_pem", Files.readString(folder.resolve(name + ".pem")));
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return Response.newBuilder().setBody(ByteString.copyFromUtf8(new Gson().toJson(files))).build();
  }

  public static void main(String[] arguments) throws IOException, InterruptedException {
    boolean named = arguments.length == 2 && arguments[0].equals("-d");
    PluginServer.serve(new Loader(Path.of(named ? arguments[1] : "certs")));
    System.err.println("stopped");
  }
}
