// A kilobyte there and back over a real loopback socket, and a new connection: system calls and
// all. These operations wait for the event loop, so that they are timed here and not by the kit.
import { NodeSocketFactory } from "../../../../src/platform/node/socket-factory.ts";
import type { NodeSocket } from "../../../../src/platform/node/sockets.ts";
import type { Socket, SocketAddress, SocketEvents } from "../../../../src/platform/sockets.ts";

const TINY = process.env["OUTRIGGER_BENCH_TINY"] === "1";
const factory = new NodeSocketFactory();
const text = "x".repeat(1024);

class Echo implements SocketEvents {
  socket!: Socket;

  onConnect(): void {}
  onBytes(buffer: Buffer, length: number): void {
    this.socket.writeBytes(buffer.subarray(0, length));
  }
  onEnd(): void {
    this.socket.end();
  }
  onDrain(): void {}
  onClose(): void {}
}

/** Sends, waits for all of it to come back, and again. */
class Pinger extends Echo {
  private left: number;
  private missing = 0;
  private readonly done: () => void;

  constructor(rounds: number, done: () => void) {
    super();
    this.left = rounds;
    this.done = done;
  }

  override onConnect(): void {
    this.ping();
  }

  override onBytes(_buffer: Buffer, length: number): void {
    this.missing -= length;
    if (this.missing === 0) this.ping();
  }

  override onClose(): void {
    this.done();
  }

  private ping(): void {
    if (this.left-- === 0) {
      this.socket.end();
      return;
    }
    this.missing = text.length;
    this.socket.writeText(text);
  }
}

function connect(address: SocketAddress, rounds: number): Promise<void> {
  return new Promise((resolve) => {
    const pinger = new Pinger(rounds, resolve);
    pinger.socket = factory.connect({ address }, pinger) as NodeSocket;
  });
}

async function measure(name: string, count: number, run: () => Promise<void>): Promise<void> {
  await run();
  const before = process.cpuUsage();
  await run();
  const { user, system } = process.cpuUsage(before);
  const nanos = ((user + system) * 1000) / count;
  if (!TINY) console.log(`${name.padEnd(60)}${`${nanos.toFixed(0)} ns`.padStart(12)} of CPU`);
}

const listening = await factory.listen({ address: { ip: "127.0.0.1", port: 0 } }, (socket) => {
  const echo = new Echo();
  echo.socket = socket;
  socket.events = echo;
  socket.resume();
});
const rounds = TINY ? 3 : 20_000;
await measure("NodeSocket: 1 KB there and back, both ends", rounds, () =>
  connect(listening.address, rounds),
);
const connections = TINY ? 3 : 2000;
await measure("NodeSocket: connect, 1 KB, close, both ends", connections, async () => {
  for (let count = 0; count < connections; count++) await connect(listening.address, 1);
});
listening.close();
