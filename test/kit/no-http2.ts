// For tests in which nothing connects over HTTP/2 off the data path.
import type { Http2Clients } from "../../src/platform/http2-client.ts";

export const NO_HTTP2: Http2Clients = {
  connect: () => {
    throw new Error("no HTTP/2 client is made in this test");
  },
};
