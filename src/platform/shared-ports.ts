/**
 * Listening sockets that the main thread binds and holds, and on which other threads accept. While
 * it holds them, a thread that dies loses no connection that waits to be accepted.
 */
import type { ListenOptions, SocketAddress } from "./sockets.ts";

/** One bound address. */
export interface SharedPort {
  /** With its real port. */
  readonly address: SocketAddress;
  /**
   * A new descriptor for one data plane, which owns it; with `reusePort` each data plane has a
   * socket of its own. −1: bind the address yourself.
   */
  descriptorFor(dataPlane: number): number;
  /** This data plane accepts no more: what still waits on a socket of its own is lost. */
  release(dataPlane: number): void;
  close(): void;
}

export interface SharedPorts {
  /** For data planes 0 … N−1. Throws an Error with the system's word as `code`. */
  bind(options: ListenOptions, dataPlanes: number): SharedPort;
}
