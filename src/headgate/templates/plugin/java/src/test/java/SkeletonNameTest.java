import static org.junit.Assert.assertEquals;

import headgate.plugin.proto.Request;
import java.io.IOException;
import java.nio.file.Path;
import org.junit.Test;

public final class SkeletonNameTest {
  @Test
  public void onlyAdminPasses() throws IOException {
    SkeletonName checker = SkeletonName.load(Path.of("checkconf.json"));
    assertEquals(0, checker.apply(Request.newBuilder().putHeader("User", "admin").build()).getStatus());
    assertEquals(0, checker.apply(Request.newBuilder().putHeader("user", "admin").build()).getStatus());
    assertEquals(SkeletonName.REJECTED, checker.apply(Request.newBuilder().putHeader("user", "guest").build()).getStatus());
    assertEquals(SkeletonName.REJECTED, checker.apply(Request.getDefaultInstance()).getStatus());
  }
}
