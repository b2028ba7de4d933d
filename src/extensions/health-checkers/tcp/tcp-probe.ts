/**
 * Checks one host over TCP. Without expected bytes a connection is enough, and is closed at once;
 * with them it may stay open between checks. Envoy: `TcpActiveHealthCheckSession`.
 */
import type { Connection, ConnectionCallbacks } from "../../../network/connection.ts";
import type { Socket } from "../../../platform/sockets.ts";
import type {
  HealthProbe,
  HealthProbeListener,
  HealthProbeServices,
  HealthProbeTarget,
} from "../../../upstream/health/health-probe.ts";
import type { Connector, ConnectorCallbacks } from "../../../upstream/pool/connector.ts";
import { connectForCheck, openCheckConnection } from "../../common/check-connector.ts";
import { PayloadSearch } from "../../common/payload.ts";

export interface TcpProbeSettings {
  readonly send: Buffer | null;
  readonly expected: readonly Buffer[];
}

export class TcpProbe implements HealthProbe, ConnectorCallbacks, ConnectionCallbacks {
  private readonly settings: TcpProbeSettings;
  private readonly target: HealthProbeTarget;
  private readonly services: HealthProbeServices;
  private readonly listener: HealthProbeListener;
  private readonly search: PayloadSearch;
  private connector: Connector | null = null;
  private connection: Connection | null = null;

  constructor(
    settings: TcpProbeSettings,
    target: HealthProbeTarget,
    services: HealthProbeServices,
    listener: HealthProbeListener,
  ) {
    this.settings = settings;
    this.target = target;
    this.services = services;
    this.listener = listener;
    this.search = new PayloadSearch(settings.expected);
  }

  check(): void {
    if (this.connection !== null) this.send();
    else this.connector ??= connectForCheck(this.target, this.services, this);
  }

  giveUp(): void {
    this.close();
  }

  close(): void {
    this.connector?.cancel();
    this.connector = null;
    const { connection } = this;
    this.connection = null;
    connection?.close("no-flush");
  }

  onSocketConnected(socket: Socket): void {
    this.connector = null;
    socket.setNoDelay(true);
    this.connection = openCheckConnection(socket, this.target, this.services, this);
    this.search.reset();
    if (this.settings.expected.length === 0) {
      // Envoy writes nothing that is to be sent when it only tries to connect.
      this.close();
      this.listener.onCheckPassed(false);
    } else this.send();
  }

  onConnectFailed(): void {
    this.connector = null;
    this.listener.onCheckFailed("NETWORK", false);
  }

  onData(bytes: Buffer): void {
    if (!this.search.feed(bytes)) return;
    this.search.reset();
    if (!this.services.reuseConnection) this.close();
    this.listener.onCheckPassed(false);
  }

  /** Our own closes do not come here: the host ended the connection, perhaps between checks. */
  onClose(): void {
    if (this.connection === null) return;
    this.connection = null;
    this.listener.onCheckFailed("NETWORK", false);
  }

  private send(): void {
    const { send } = this.settings;
    if (send !== null) this.connection?.writeBytes(send);
  }
}
