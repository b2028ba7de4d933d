// What a connection adds to a read and to a write.
import { Connection } from "../../../src/network/connection.ts";
import { SimulatedTime } from "../../../test/kit/simulated-time.ts";
import { bench } from "../../kit/micro.ts";
import { StubSocket } from "../../kit/stub-socket.ts";

const dispatcher = new SimulatedTime().dispatcher();
let seen = 0;
const callbacks = {
  onData: (bytes: Buffer): void => {
    seen += bytes.length;
  },
  onClose: (): void => undefined,
};
const options = { bufferLimitBytes: 1_048_576, halfClose: false };
const socket = new StubSocket();
const connection = new Connection(dispatcher, socket, callbacks, options);
const chunk = Buffer.alloc(65_536, "x");

bench(
  "Connection: one read",
  () => {
    connection.onBytes(chunk, 800);
    return seen;
  },
  // The view of the chunk.
  { allocatedBytesMax: 128 },
);
bench("Connection: head and body in one write", () => {
  dispatcher.begin();
  connection.write("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n");
  connection.write("hello");
  dispatcher.end();
  return socket.writes;
});
bench("Connection: a large chunk", () => connection.writeBytes(chunk), { allocatedBytesMax: 0 });
