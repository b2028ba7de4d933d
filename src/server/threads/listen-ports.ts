/**
 * The listening sockets of all workers, bound and held by the main thread: every worker gets the
 * same answer, port 0 is one port, and a worker that dies leaves its socket to its successor.
 */
import type { SharedPort, SharedPorts } from "../../platform/shared-ports.ts";
import type { ListenOptions } from "../../platform/sockets.ts";
import type { ListenAnswer } from "./plane-messages.ts";

interface HeldPort {
  readonly port: SharedPort;
  /** Data planes that listen, or died while they did. */
  readonly users: Set<number>;
}

export class ListenPorts {
  private readonly ports: SharedPorts;
  private readonly dataPlanes: number;
  private readonly held = new Map<string, HeldPort>();
  /** By data plane that died: the ports its successor has not asked for. */
  private readonly orphans = new Map<number, Set<string>>();

  constructor(ports: SharedPorts, dataPlanes: number) {
    this.ports = ports;
    this.dataPlanes = dataPlanes;
  }

  listen(dataPlane: number, options: ListenOptions): ListenAnswer {
    const key = options.sharedKey ?? "";
    try {
      const held = this.held.get(key) ?? this.bind(key, options);
      held.users.add(dataPlane);
      this.orphans.get(dataPlane)?.delete(key);
      const { port } = held;
      return { kind: "bound", address: port.address, descriptor: port.descriptorFor(dataPlane) };
    } catch (error) {
      const { code = "UNKNOWN", message } = error as Error & { code?: string };
      return { kind: "failed", code, message };
    }
  }

  unlisten(dataPlane: number, key: string): void {
    const held = this.held.get(key);
    if (held === undefined) return;
    held.users.delete(dataPlane);
    held.port.release(dataPlane);
    if (held.users.size > 0) return;
    held.port.close();
    this.held.delete(key);
  }

  /** A data plane died: its sockets stay, and what waits on them. */
  orphan(dataPlane: number): void {
    const keys = [...this.held].flatMap(([key, { users }]) => (users.has(dataPlane) ? [key] : []));
    this.orphans.set(dataPlane, new Set(keys));
  }

  /** Descriptors of what a dead data plane accepted on, for another one. */
  descriptorsOf(dataPlane: number): { readonly port: string; readonly descriptor: number }[] {
    return [...(this.orphans.get(dataPlane) ?? [])].flatMap((key) => {
      const descriptor = this.held.get(key)?.port.descriptorFor(dataPlane) ?? -1;
      return descriptor < 0 ? [] : [{ port: key, descriptor }];
    });
  }

  /** Its successor listens where it is told to; what it did not ask for is given up. */
  settle(dataPlane: number): void {
    for (const key of this.orphans.get(dataPlane) ?? []) this.unlisten(dataPlane, key);
    this.orphans.delete(dataPlane);
  }

  /** Only the workers accept from now on, until they close too. */
  letGo(): void {
    for (const { port } of this.held.values()) port.close();
  }

  close(): void {
    this.letGo();
    this.held.clear();
    this.orphans.clear();
  }

  private bind(key: string, options: ListenOptions): HeldPort {
    const held = { port: this.ports.bind(options, this.dataPlanes), users: new Set<number>() };
    this.held.set(key, held);
    return held;
  }
}
