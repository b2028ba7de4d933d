/**
 * `SharedPorts` over Node's bound handles. Node binds without accepting only inside its `net`
 * module (the `cluster` module does so), and has no dup(2): closing a socket closes its number for
 * all threads of the process, so that each needs a number of its own. That is one foreign call per
 * listener and thread.
 */
import { chmodSync, unlinkSync } from "node:fs";
import { createRequire } from "node:module";
import net from "node:net";
import process from "node:process";
import { getSystemErrorName } from "node:util";
import type { SharedPort, SharedPorts } from "../shared-ports.ts";
import type { ListenOptions, SocketAddress } from "../sockets.ts";

/** Of fcntl(2). */
const DUPLICATE_CLOSE_ON_EXEC: number = process.platform === "darwin" ? 67 : 1030;
/** Of libuv's uv_tcp_flags. */
const IPV6_ONLY = 1;
const REUSE_PORT = 2;

/** A handle of Node that is bound and does not accept. Not public: checked before use. */
interface BoundHandle {
  readonly fd: number;
  getsockname(name: { address?: string; port?: number }): number;
  close(): void;
}

/** The handle, or the negative number of an error. */
type CreateHandle = (
  address: string,
  port: number,
  family: number,
  descriptor: undefined,
  flags: number,
) => BoundHandle | number;

type Duplicate = (descriptor: number, command: number, type: string, lowest: number) => number;

let duplicate: Duplicate | null = null;

function duplicateOf(descriptor: number): number {
  if (duplicate === null) {
    const koffi = createRequire(import.meta.url)("koffi") as typeof import("koffi");
    // The process itself: whichever C library it is linked with.
    duplicate = koffi.load(null).func("int fcntl(int, int, ...)") as unknown as Duplicate;
  }
  return duplicate(descriptor, DUPLICATE_CLOSE_ON_EXEC, "int", 0);
}

export class NodeSharedPorts implements SharedPorts {
  bind(options: ListenOptions, dataPlanes: number): SharedPort {
    const single = options.reusePort !== true || options.address.path !== undefined;
    // Elsewhere the kernel does not share connections out among sockets of one port.
    const sockets = single || process.platform !== "linux" ? 1 : dataPlanes;
    return new NodeSharedPort(options, sockets);
  }
}

class NodeSharedPort implements SharedPort {
  readonly address: SocketAddress;
  private readonly handles: (BoundHandle | null)[] = [];

  constructor(options: ListenOptions, sockets: number) {
    this.address = options.address;
    try {
      for (let index = 0; index < sockets; index++) {
        const handle = bindHandle({ ...options, address: this.address }, sockets > 1);
        this.handles.push(handle);
        this.address = boundAddress(handle, this.address);
      }
    } catch (error) {
      this.close();
      throw error;
    }
    const { path } = this.address;
    if (options.mode !== undefined && path !== undefined) chmodSync(path, options.mode);
  }

  descriptorFor(dataPlane: number): number {
    const handle = this.handles[this.handles.length === 1 ? 0 : dataPlane];
    if (handle === null || handle === undefined) throw systemError("listen", "EBADF");
    const descriptor = duplicateOf(handle.fd);
    if (descriptor < 0) throw systemError("dup", "EMFILE");
    return descriptor;
  }

  release(dataPlane: number): void {
    if (this.handles.length === 1) return;
    this.handles[dataPlane]?.close();
    this.handles[dataPlane] = null;
  }

  close(): void {
    for (const handle of this.handles) handle?.close();
    this.handles.fill(null);
  }
}

function bindHandle({ address, ipv6Only }: ListenOptions, reusePort: boolean): BoundHandle {
  const create = (net as unknown as { _createServerHandle?: CreateHandle })._createServerHandle;
  if (create === undefined) throw systemError("bind", "ENOSYS");
  const { ip, port, path } = address;
  if (path !== undefined && !path.startsWith("@")) removeStaleSocket(path);
  const flags = (ipv6Only === true ? IPV6_ONLY : 0) | (reusePort ? REUSE_PORT : 0);
  const handle =
    path === undefined
      ? create(ip, port, ip.includes(":") ? 6 : 4, undefined, flags)
      : create(path.startsWith("@") ? `\0${path.slice(1)}` : path, -1, -1, undefined, 0);
  if (typeof handle === "number") throw systemError("bind", getSystemErrorName(handle));
  return handle;
}

/** Also where libuv tells that the address is in use. */
function boundAddress(handle: BoundHandle, asked: SocketAddress): SocketAddress {
  if (asked.path !== undefined) return asked;
  const name: { address?: string; port?: number } = {};
  const error = handle.getsockname(name);
  if (error !== 0) throw systemError("bind", getSystemErrorName(error));
  return { ip: name.address ?? asked.ip, port: name.port ?? asked.port };
}

function removeStaleSocket(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // Nothing there: the bind itself reports anything else.
  }
}

function systemError(call: string, code: string): Error {
  return Object.assign(new Error(`${call} ${code}`), { code });
}
