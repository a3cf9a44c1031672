package headgate.plugin;

import com.google.protobuf.Empty;
import com.google.protobuf.Message;
import headgate.plugin.proto.Request;
import headgate.plugin.proto.Response;
import io.grpc.MethodDescriptor;
import io.grpc.Server;
import io.grpc.ServerServiceDefinition;
import io.grpc.Status;
import io.grpc.health.v1.HealthCheckResponse.ServingStatus;
import io.grpc.netty.shaded.io.grpc.netty.NettyServerBuilder;
import io.grpc.protobuf.ProtoUtils;
import io.grpc.protobuf.services.HealthStatusManager;
import io.grpc.stub.ServerCalls;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;

/** Makes a process of a service: Headgate (or MOSN) starts the program and calls it. */
public final class PluginServer {
  private final Server server;

  private PluginServer(Function<Request, Response> service) throws IOException {
    HealthStatusManager health = new HealthStatusManager();
    health.setStatus("plugin", ServingStatus.SERVING);
    server =
        NettyServerBuilder.forAddress(new InetSocketAddress("127.0.0.1", 0))
            .addService(calls(service))
            .addService(controller())
            .addService(health.getHealthService())
            .build()
            .start();
  }

  /**
   * Answers calls until the proxy asks for the end, and returns then. Run by hand, the program says that it is a plugin, and exits.
   *
   * @param service answers one call; several run side by side, each in a thread of its own
   * @throws IOException if no port can be opened
   * @throws InterruptedException if the thread is interrupted while it serves
   */
  public static void serve(Function<Request, Response> service) throws IOException, InterruptedException {
    if (!"ON".equals(System.getenv("MOSN_PLUGIN"))) {
      System.err.println("This program is a plugin: Headgate starts it, where it stands in the configuration under \"plugins\".");
      System.exit(1);
    }
    PluginServer plugin = new PluginServer(service);
    Runtime.getRuntime().addShutdownHook(new Thread(plugin::stop));
    ProcessHandle.current().parent().ifPresent(parent -> parent.onExit().thenRun(() -> System.exit(0)));
    System.out.println("1|1|tcp|127.0.0.1:" + plugin.server.getPort() + "|grpc");
    System.out.flush();
    System.setOut(System.err); // the proxy logs it; standard output was for the line above
    plugin.server.awaitTermination();
  }

  /** Takes no new calls and gives those under way a second. */
  private void stop() {
    try {
      if (!server.shutdown().awaitTermination(1, TimeUnit.SECONDS)) {
        server.shutdownNow();
      }
    } catch (InterruptedException e) {
      server.shutdownNow();
    }
  }

  /** proto.Plugin: the service of plugin.proto. */
  private static ServerServiceDefinition calls(Function<Request, Response> service) {
    return unary(
        "proto.Plugin",
        "Call",
        Request.getDefaultInstance(),
        Response.getDefaultInstance(),
        (request, answer) -> {
          Response response;
          try {
            response = service.apply(request);
          } catch (RuntimeException e) {
            e.printStackTrace();
            answer.onError(Status.INTERNAL.withDescription(e.toString()).asRuntimeException());
            return;
          }
          answer.onNext(response);
          answer.onCompleted();
        });
  }

  /** plugin.GRPCController, by which hashicorp/go-plugin ends a plugin. */
  private ServerServiceDefinition controller() {
    return unary(
        "plugin.GRPCController",
        "Shutdown",
        Empty.getDefaultInstance(),
        Empty.getDefaultInstance(),
        (request, answer) -> {
          answer.onNext(request);
          answer.onCompleted();
          new Thread(this::stop).start();
        });
  }

  private static <Q extends Message, A extends Message> ServerServiceDefinition unary(
      String service, String name, Q request, A answer, ServerCalls.UnaryMethod<Q, A> method) {
    MethodDescriptor<Q, A> descriptor =
        MethodDescriptor.<Q, A>newBuilder()
            .setType(MethodDescriptor.MethodType.UNARY)
            .setFullMethodName(MethodDescriptor.generateFullMethodName(service, name))
            .setRequestMarshaller(ProtoUtils.marshaller(request))
            .setResponseMarshaller(ProtoUtils.marshaller(answer))
            .build();
    return ServerServiceDefinition.builder(service).addMethod(descriptor, ServerCalls.asyncUnaryCall(method)).build();
  }
}
