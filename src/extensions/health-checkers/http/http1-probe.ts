/**
 * HTTP checks over HTTP/1.1, with the codec of the data path on a connection of its own. Envoy:
 * `HttpActiveHealthCheckSession` with an HTTP/1 codec client.
 */
import type {
  ClientConnection,
  ClientConnectionCallbacks,
  ResponseDecoder,
} from "../../../codec/codec.ts";
import type { ResponseHeaderMap } from "../../../codec/header-map.ts";
import type { Connection, ConnectionCallbacks } from "../../../network/connection.ts";
import type { Socket } from "../../../platform/sockets.ts";
import type { Timer, TimerOwner } from "../../../platform/time.ts";
import type { HealthProbe } from "../../../upstream/health/health-probe.ts";
import type { Connector, ConnectorCallbacks } from "../../../upstream/pool/connector.ts";
import { connectForCheck, openCheckConnection } from "../../common/check-connector.ts";
import type { HttpCheck } from "./http-check.ts";

/** Checks come more often than this: no timer is spent on a longer idle time-out. */
const LONG_IDLE_MS = 3_600_000;

export class Http1Probe
  implements
    HealthProbe,
    ConnectorCallbacks,
    ConnectionCallbacks,
    ClientConnectionCallbacks,
    ResponseDecoder,
    TimerOwner
{
  private readonly http: HttpCheck;
  private connector: Connector | null = null;
  private connection: Connection | null = null;
  private codec: ClientConnection | null = null;
  private inFlight = false;
  /** The connection has waited too long for the next check; null when that cannot happen. */
  private readonly idleTimer: Timer | null;

  constructor(http: HttpCheck) {
    this.http = http;
    const { dispatcher } = http.services;
    const { idleTimeoutMs } = http.target.cluster.connection;
    const matters = idleTimeoutMs > 0 && idleTimeoutMs < LONG_IDLE_MS;
    this.idleTimer = matters ? dispatcher.create(this, 0) : null;
  }

  check(): void {
    this.idleTimer?.disarm();
    if (this.connection !== null) this.send();
    else this.connector ??= connectForCheck(this.http.target, this.http.services, this);
  }

  giveUp(): void {
    this.drop();
  }

  close(): void {
    this.idleTimer?.close();
    this.drop();
  }

  onTimer(): void {
    if (this.inFlight || this.connection === null) return;
    this.http.target.cluster.stats.upstreamCxIdleTimeout.inc();
    this.drop();
  }

  onSocketConnected(socket: Socket): void {
    const { target, services } = this.http;
    this.connector = null;
    const connection = openCheckConnection(socket, target, services, this);
    this.connection = connection;
    this.codec = services.createHttp1Client(connection, this, target.cluster.http1);
    this.send();
  }

  onConnectFailed(): void {
    this.connector = null;
    this.http.fail();
  }

  onData(bytes: Buffer): void {
    this.codec?.dispatch(bytes);
  }

  /** Our own closes do not come here. */
  onClose(): void {
    const { codec } = this;
    this.connection = null;
    this.codec = null;
    codec?.onConnectionClose("connection termination", "");
  }

  decodeInformational(): void {
    // Says nothing about health.
  }

  decodeHeaders(headers: ResponseHeaderMap, endStream: boolean): void {
    this.http.onHead(headers);
    if (endStream) this.complete();
  }

  decodeData(bytes: Buffer, endStream: boolean): void {
    this.http.onBody(bytes);
    if (endStream) this.complete();
  }

  decodeTrailers(): void {
    this.complete();
  }

  onResetStream(): void {
    if (!this.inFlight) return;
    this.drop();
    this.http.fail();
  }

  onStreamComplete(): void {
    // Noticed by the decoder already.
  }

  onNoMoreStreams(): void {
    this.drop();
  }

  onProtocolError(): void {
    const { inFlight } = this;
    this.drop();
    if (inFlight) this.http.fail();
  }

  onAboveWriteBufferHighWatermark(): void {
    // A request is small, and waits for nothing.
  }

  onBelowWriteBufferLowWatermark(): void {
    // As above.
  }

  private send(): void {
    const { codec, http } = this;
    if (codec === null) return;
    this.inFlight = true;
    const { body } = http.config;
    const encoder = codec.newStream(this);
    encoder.encodeHeaders(http.request("HTTP/1.1"), body === null);
    if (body !== null) encoder.encodeData(body, true);
  }

  private drop(): void {
    this.idleTimer?.disarm();
    this.connector?.cancel();
    this.connector = null;
    this.inFlight = false;
    const { connection } = this;
    this.connection = null;
    this.codec = null;
    connection?.close("no-flush");
  }

  private complete(): void {
    if (!this.inFlight) return;
    this.inFlight = false;
    const { services, target } = this.http;
    if (!services.reuseConnection) this.drop();
    else this.idleTimer?.arm(target.cluster.connection.idleTimeoutMs);
    this.http.finish();
  }
}
