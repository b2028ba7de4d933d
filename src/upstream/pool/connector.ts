/**
 * Connects to a host: its addresses one after the other, the next one after 300 ms or at once when
 * one fails; the first that answers wins (RFC 8305). Envoy: `HappyEyeballsConnectionProvider`.
 * Never calls back inside `start`.
 */
import type { Dispatcher, Flushable } from "../../platform/dispatcher.ts";
import type {
  Socket,
  SocketAddress,
  SocketError,
  SocketEvents,
  SocketFactory,
} from "../../platform/sockets.ts";
import { formatSocketAddress } from "../../platform/sockets.ts";
import type { Timer, TimerOwner } from "../../platform/time.ts";
import type { ConnectionSettings } from "../cluster.ts";
import type { HostDescription } from "../host.ts";
import { type ConnectFailure, connectFailure } from "./connect-failure.ts";

const STAGGER_MS = 300;

export interface ConnectorCallbacks {
  /** The socket's events must be set before the call returns. */
  onSocketConnected(socket: Socket, address: SocketAddress): void;
  /** Every address failed; this is the last failure. */
  onConnectFailed(failure: ConnectFailure): void;
}

export class Connector implements TimerOwner {
  readonly dispatcher: Dispatcher;
  private readonly sockets: SocketFactory;
  private readonly settings: ConnectionSettings;
  private readonly callbacks: ConnectorCallbacks;
  private readonly addresses: readonly SocketAddress[];
  private readonly attempts: Attempt[] = [];
  private next = 0;
  private failed = 0;
  private stagger: Timer | null = null;

  constructor(
    dispatcher: Dispatcher,
    sockets: SocketFactory,
    settings: ConnectionSettings,
    host: Pick<HostDescription, "address" | "additionalAddresses">,
    callbacks: ConnectorCallbacks,
  ) {
    this.dispatcher = dispatcher;
    this.sockets = sockets;
    this.settings = settings;
    this.callbacks = callbacks;
    this.addresses =
      host.additionalAddresses.length === 0
        ? [host.address]
        : [host.address, ...host.additionalAddresses];
  }

  start(): void {
    this.tryNext();
  }

  /** Gives up. No callback follows. */
  cancel(): void {
    this.stagger?.close();
    for (const attempt of this.attempts) attempt.cancel();
    this.next = this.addresses.length;
  }

  onTimer(): void {
    this.tryNext();
  }

  /** @internal */
  attemptConnected(attempt: Attempt, socket: Socket): void {
    this.stagger?.close();
    for (const other of this.attempts) if (other !== attempt) other.cancel();
    this.callbacks.onSocketConnected(socket, attempt.address);
  }

  /** @internal */
  attemptFailed(attempt: Attempt, error: SocketError | null): void {
    this.failed++;
    if (this.next < this.addresses.length) {
      this.tryNext();
    } else if (this.failed === this.addresses.length) {
      this.stagger?.close();
      this.callbacks.onConnectFailed(
        connectFailure(error, attempt.address, attempt.source === null ? "" : attempt.source),
      );
    }
  }

  private tryNext(): void {
    const address = this.addresses[this.next];
    if (address === undefined) return;
    this.next++;
    const source = sourceAddressFor(address, this.settings.sourceAddresses);
    const attempt = new Attempt(
      this,
      address,
      source === null ? null : formatSocketAddress(source),
    );
    this.attempts.push(attempt);
    attempt.start(this.sockets, source);
    if (this.next === this.addresses.length) return;
    this.stagger ??= this.dispatcher.create(this, 0);
    this.stagger.arm(STAGGER_MS);
  }
}

/** Only an address of the target's own family can be bound. */
export function sourceAddressFor(
  address: SocketAddress,
  sources: readonly SocketAddress[],
): SocketAddress | null {
  if (address.path !== undefined) return null;
  const v6 = address.ip.includes(":");
  for (const source of sources) if (source.ip.includes(":") === v6) return source;
  return null;
}

/** One socket on its way. */
class Attempt implements SocketEvents, Flushable {
  readonly address: SocketAddress;
  readonly source: string | null;
  private readonly connector: Connector;
  private socket: Socket | null = null;
  private refusal: SocketError | null = null;
  private done = false;

  constructor(connector: Connector, address: SocketAddress, source: string | null) {
    this.connector = connector;
    this.address = address;
    this.source = source;
  }

  start(sockets: SocketFactory, source: SocketAddress | null): void {
    const { address } = this;
    try {
      this.socket = sockets.connect(
        source === null ? { address } : { address, localAddress: source },
        this,
      );
    } catch (error) {
      // The platform refused the arguments: say so as a failed connect, after the caller has
      // returned.
      this.refusal = { code: errorCode(error), message: String(error) };
      this.connector.dispatcher.deferFlush(this);
    }
  }

  flush(): void {
    this.onClose(this.refusal);
  }

  cancel(): void {
    if (this.done) return;
    this.done = true;
    this.socket?.destroy();
  }

  onConnect(): void {
    const socket = this.socket;
    if (this.done || socket === null) return;
    this.done = true;
    const { dispatcher } = this.connector;
    dispatcher.begin();
    try {
      this.connector.attemptConnected(this, socket);
    } catch (error) {
      dispatcher.onBug(error);
      socket.destroy();
    } finally {
      dispatcher.end();
    }
  }

  onClose(error: SocketError | null): void {
    if (this.done) return;
    this.done = true;
    const { dispatcher } = this.connector;
    dispatcher.begin();
    try {
      this.connector.attemptFailed(this, error);
    } catch (thrown) {
      dispatcher.onBug(thrown);
    } finally {
      dispatcher.end();
    }
  }

  onBytes(): void {
    // Nothing arrives before the connection is established.
  }

  onEnd(): void {
    // As above.
  }

  onDrain(): void {
    // As above.
  }
}

function errorCode(error: unknown): string {
  const code = (error as { code?: unknown }).code;
  return typeof code === "string" ? code : "EINVAL";
}
