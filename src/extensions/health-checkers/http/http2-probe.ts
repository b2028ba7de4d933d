/**
 * HTTP checks over HTTP/2, one stream at a time on a connection of its own. Envoy:
 * `HttpActiveHealthCheckSession` with an HTTP/2 codec client.
 */
import { ResponseHeaderMap } from "../../../codec/header-map.ts";
import { headerName } from "../../../codec/header-names.ts";
import type {
  Http2Client,
  Http2ClientEvents,
  Http2Clients,
} from "../../../platform/http2-client.ts";
import type { HealthProbe } from "../../../upstream/health/health-probe.ts";
import { sourceAddressFor } from "../../../upstream/pool/connector.ts";
import type { HttpCheck } from "./http-check.ts";

export class Http2Probe implements HealthProbe {
  private readonly http: HttpCheck;
  private readonly clients: Http2Clients;
  private client: Http2Client | null = null;
  private inFlight = false;
  /** The connection is not to be used again. */
  private last = false;

  constructor(http: HttpCheck, clients: Http2Clients) {
    this.http = http;
    this.clients = clients;
  }

  check(): void {
    this.client ??= this.connect();
    this.inFlight = true;
    const { config } = this.http;
    const head = this.http.request("HTTP/2");
    this.client.request({
      method: head.method,
      scheme: head.scheme,
      authority: head.authority,
      path: head.path,
      headers: head.names.map((name, index) => [name.text, head.values[index] as string]),
      body: config.body,
    });
  }

  giveUp(): void {
    this.close();
  }

  close(): void {
    this.inFlight = false;
    const { client } = this;
    this.client = null;
    client?.close();
  }

  private connect(): Http2Client {
    const { target, services } = this.http;
    const address = target.address();
    const localAddress = sourceAddressFor(address, target.cluster.connection.sourceAddresses);
    this.last = !services.reuseConnection;
    const options = localAddress === null ? { address } : { address, localAddress };
    return this.clients.connect(options, this.events());
  }

  private events(): Http2ClientEvents {
    const { dispatcher } = this.http.services;
    return {
      onHead: (status, headers) => {
        const map = new ResponseHeaderMap();
        map.status = status;
        for (const [name, value] of headers) map.add(headerName(name), value);
        this.http.onHead(map);
      },
      onData: (bytes) => this.http.onBody(bytes),
      onEnd: () => dispatcher.runEvent(() => this.complete()),
      onFailure: () => dispatcher.runEvent(() => this.fail()),
      onNoMoreRequests: () => dispatcher.runEvent(() => this.noMoreRequests()),
    };
  }

  private complete(): void {
    if (!this.inFlight) return;
    this.inFlight = false;
    if (this.last) this.close();
    this.http.finish();
  }

  private fail(): void {
    if (!this.inFlight) return;
    this.close();
    this.http.fail();
  }

  private noMoreRequests(): void {
    this.last = true;
    if (!this.inFlight) this.close();
  }
}
