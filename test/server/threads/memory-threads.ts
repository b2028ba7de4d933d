// Worker threads that are none: each is a PlaneHost on the test's own thread, time and network.
// Messages are cloned and arrive later. One can be killed as a real one dies: at once, with all it
// had taken of shared memory.
import type { LoggerRegistry } from "../../../src/log/logger.ts";
import type { SharedPort, SharedPorts } from "../../../src/platform/shared-ports.ts";
import type {
  ConnectOptions,
  ListenOptions,
  ListenSocket,
  Socket,
  SocketAddress,
  SocketEvents,
  SocketFactory,
} from "../../../src/platform/sockets.ts";
import type { MessageChannelEnd, Thread, ThreadFactory } from "../../../src/platform/threads.ts";
import type { AlarmFactory } from "../../../src/platform/time.ts";
import type { DataPlanePlatform } from "../../../src/server/data-plane.ts";
import { PlaneHost } from "../../../src/server/threads/plane-host.ts";
import type { PlaneInit } from "../../../src/server/threads/plane-messages.ts";
import type { SimulatedTime } from "../../kit/simulated-time.ts";

export interface MemoryThreadServices {
  readonly time: SimulatedTime;
  readonly platform: DataPlanePlatform;
  createLoggers(): LoggerRegistry;
}

export class MemoryThreads implements ThreadFactory {
  /** Every thread that was started, ended ones too. */
  readonly started: MemoryThread[] = [];
  /** Makes the next threads fail at once. */
  stillborn = 0;
  private readonly services: MemoryThreadServices;

  constructor(services: MemoryThreadServices) {
    this.services = services;
  }

  start(_name: string, data: unknown): Thread {
    const thread = new MemoryThread(this.services, data as PlaneInit);
    this.started.push(thread);
    if (this.stillborn > 0) {
      this.stillborn--;
      thread.die("stillborn");
    }
    return thread;
  }

  /** The living thread of a number. */
  living(id: number): MemoryThread {
    const found = this.started.find((thread) => thread.alive && thread.id === id);
    if (found === undefined) throw new Error(`no living worker ${id}`);
    return found;
  }

  get alive(): readonly MemoryThread[] {
    return this.started.filter(({ alive }) => alive);
  }

  /** Names of stats travel now. */
  flushStats(): void {
    for (const thread of this.alive) thread.flushStats();
  }
}

export class MemoryThread implements Thread {
  readonly id: number;
  onMessage: (message: unknown) => void = () => undefined;
  onEnd: (reason: string) => void = () => undefined;
  alive = true;
  /** Messages to it wait: its event loop does not turn. */
  hung = false;
  reopened = 0;
  trims = 0;
  host: PlaneHost | null = null;
  private readonly time: SimulatedTime;
  private readonly platform: MortalPlatform;
  private readonly inside: MessageChannelEnd;
  private readonly toMain: unknown[] = [];

  constructor({ time, platform, createLoggers }: MemoryThreadServices, init: PlaneInit) {
    this.time = time;
    this.id = init.id;
    this.platform = new MortalPlatform(platform);
    this.inside = {
      post: (message) => this.toMainThread(structuredClone(message)),
      onMessage: () => undefined,
    };
    const copy = structuredClone(init);
    this.soon(() => {
      this.host = new PlaneHost(this.inside, copy, {
        platform: this.platform.platform,
        loggers: createLoggers(),
        reopenLogs: () => void this.reopened++,
        flushLogs: async () => undefined,
        trimMemory: () => void this.trims++,
        memory: () => ({ heapUsed: 100, heapTotal: 200 }),
      });
    });
  }

  post(message: unknown): void {
    const copy = structuredClone(message);
    const deliver = (): void => {
      if (this.hung) return;
      this.inside.onMessage(copy);
    };
    this.soon(deliver);
  }

  terminate(): void {
    this.die("exit code 1");
  }

  /** Ends wherever it stands, as a thread whose heap is full. */
  die(reason: string): void {
    if (!this.alive) return;
    this.alive = false;
    this.platform.kill();
    this.time.after(1, () => this.onEnd(reason), "thread end");
  }

  flushStats(): void {
    if (this.host === null) return;
    for (const message of this.toMain.splice(0)) this.onMessage(message);
    const update = this.host.plane.stats.slab.takeUpdate();
    this.onMessage({ kind: "tell", message: { kind: "stats", update } });
  }

  private toMainThread(message: unknown): void {
    this.toMain.push(message);
    this.soon(() => {
      const next = this.toMain.shift();
      if (next !== undefined) this.onMessage(next);
    });
  }

  private soon(run: () => void): void {
    const ifAlive = (): void => {
      if (this.alive) run();
    };
    this.time.after(0, ifAlive, "message");
  }
}

/** The world of one thread, which can be taken away from it. */
class MortalPlatform {
  readonly platform: DataPlanePlatform;
  private dead = false;
  private readonly sockets = new Set<Socket>();
  private readonly listening = new Set<ListenSocket>();

  constructor(platform: DataPlanePlatform) {
    const alarm: AlarmFactory = (wakeUp) => platform.alarm(() => this.ifAlive(wakeUp));
    this.platform = {
      ...platform,
      alarm,
      defer: (run) => platform.defer(() => this.ifAlive(run)),
      sockets: this.mortalSockets(platform.sockets),
    };
  }

  /** Sockets close without a word to those who used them. */
  kill(): void {
    this.dead = true;
    for (const socket of this.listening) socket.close();
    for (const socket of this.sockets) {
      socket.events = silent;
      socket.destroy();
    }
  }

  private ifAlive(run: () => void): void {
    if (!this.dead) run();
  }

  private mortalSockets(sockets: SocketFactory): SocketFactory {
    return {
      listen: async (options: ListenOptions, accept: (socket: Socket) => void) => {
        const socket = await sockets.listen(options, (accepted) => {
          this.sockets.add(accepted);
          accept(accepted);
        });
        this.listening.add(socket);
        return socket;
      },
      connect: (options: ConnectOptions, events: SocketEvents) => {
        const socket = sockets.connect(options, events);
        this.sockets.add(socket);
        return socket;
      },
    };
  }
}

const silent: SocketEvents = {
  onConnect: () => undefined,
  onBytes: () => undefined,
  onEnd: () => undefined,
  onDrain: () => undefined,
  onClose: () => undefined,
};

/** Ports of the network in memory: everybody binds for himself. */
export class MemoryPorts implements SharedPorts {
  private nextPort = 30_000;
  private readonly denied = new Map<number, string>();

  /** Binding that port fails. */
  deny(port: number, code: string): void {
    this.denied.set(port, code);
  }

  allow(port: number): void {
    this.denied.delete(port);
  }

  bind({ address }: ListenOptions): SharedPort {
    const code = this.denied.get(address.port);
    if (code !== undefined) throw Object.assign(new Error(`bind ${code}`), { code });
    const bound: SocketAddress =
      address.port === 0 && address.path === undefined
        ? { ip: address.ip, port: this.nextPort++ }
        : address;
    return {
      address: bound,
      descriptorFor: () => -1,
      release: () => undefined,
      close: () => undefined,
    };
  }
}
