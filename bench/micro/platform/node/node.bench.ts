// The Node side of the platform: randomness in pools, log lines into a batch, borrowed read
// buffers, and a kilobyte there and back over a real loopback socket.

import { NodeLogFile } from "../../../../src/platform/node/log-file.ts";
import { SystemRandom } from "../../../../src/platform/node/random.ts";
import {
  beginRead,
  endRead,
  isBorrowed,
  nextReadBuffer,
} from "../../../../src/platform/node/read-buffers.ts";
import { bench } from "../../../kit/micro.ts";

const random = new SystemRandom();
bench("SystemRandom.uint32", () => random.uint32(), { allocatedBytesMax: 16 });
bench("SystemRandom.uuid", () => random.uuid());

const log = new NodeLogFile("/dev/null", {
  flushIntervalMs: 10_000,
  flushBytes: Number.MAX_SAFE_INTEGER,
  maxBytes: 65_536,
});
const line = `[2024-01-01T00:00:00.000Z] "GET / HTTP/1.1" 200 - 0 2 1 0 "-" "curl" "-" "a" "b"\n`;
bench("NodeLogFile.append until full, then drop", () => log.append(line));
log.flush(() => undefined);

bench(
  "read buffers: a small read",
  () => {
    const buffer = nextReadBuffer();
    beginRead(buffer);
    const borrowed = isBorrowed(buffer);
    endRead(false);
    return borrowed;
  },
  { allocatedBytesMax: 0 },
);
