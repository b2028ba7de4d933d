/**
 * `Http2Clients` over the package http2-wrapper, whose requests look like those of node:http. Both
 * are loaded at the first connection.
 */
import type { ClientHttp2Session } from "node:http2";
import net from "node:net";
import type { ClientRequest, IncomingMessage } from "http2-wrapper";
import type {
  Http2Client,
  Http2ClientEvents,
  Http2Clients,
  Http2Request,
} from "../http2-client.ts";
import type { ConnectOptions } from "../sockets.ts";

type Wrapper = typeof import("http2-wrapper");

let loading: Promise<Wrapper> | null = null;

function load(): Promise<Wrapper> {
  loading ??= import("http2-wrapper").then((module) => module.default ?? module);
  return loading;
}

export const http2Clients: Http2Clients = {
  connect: (options: ConnectOptions, events: Http2ClientEvents): Http2Client =>
    new WrapperClient(options, events),
};

class WrapperClient implements Http2Client {
  private readonly options: ConnectOptions;
  private readonly events: Http2ClientEvents;
  private wrapper: Wrapper | null = null;
  private session: ClientHttp2Session | null = null;
  private waiting: Http2Request | null = null;
  private inFlight = false;
  private closed = false;

  constructor(options: ConnectOptions, events: Http2ClientEvents) {
    this.options = options;
    this.events = events;
    load().then(
      (wrapper) => this.connect(wrapper),
      () => this.fail(),
    );
  }

  request(request: Http2Request): void {
    this.inFlight = true;
    if (this.session === null) this.waiting = request;
    else this.send(request);
  }

  close(): void {
    this.closed = true;
    this.inFlight = false;
    this.session?.destroy();
  }

  private connect(wrapper: Wrapper): void {
    if (this.closed) return;
    this.wrapper = wrapper;
    const { address } = this.options;
    const host = address.ip.includes(":") ? `[${address.ip}]` : address.ip || "localhost";
    const session = wrapper.connect(`http://${host}:${address.port}`, {
      createConnection: () => net.connect(connectArguments(this.options)),
    });
    this.session = session;
    session.on("error", () => this.fail());
    session.on("goaway", () => this.end());
    session.on("close", () => this.fail());
    if (this.waiting !== null) this.send(this.waiting);
    this.waiting = null;
  }

  private send({ method, scheme, authority, path, headers, body }: Http2Request): void {
    const { wrapper, session } = this;
    if (wrapper === null || session === null) return;
    if (session.destroyed || session.closed) {
      queueMicrotask(() => this.fail());
      return;
    }
    const request = wrapper.request(
      { h2session: session, method, path, headers: { ":authority": authority } },
      (response) => this.receive(response),
    );
    request.setHeader(":scheme", scheme);
    for (const [name, value] of headers) addHeader(request, name, value);
    request.on("error", () => this.fail());
    request.on("close", () => this.fail());
    request.end(body ?? undefined);
  }

  private receive(response: IncomingMessage): void {
    if (this.closed || !this.inFlight) return;
    const headers: [string, string][] = [];
    const { rawHeaders, statusCode = 0 } = response;
    for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
      const name = rawHeaders[index] as string;
      if (!name.startsWith(":")) headers.push([name, rawHeaders[index + 1] as string]);
    }
    this.events.onHead(statusCode, headers);
    response.on("data", (bytes: Buffer) => {
      if (this.inFlight) this.events.onData(bytes);
    });
    response.on("aborted", () => this.fail());
    response.on("error", () => this.fail());
    response.on("end", () => {
      if (!this.inFlight) return;
      this.inFlight = false;
      this.events.onEnd();
    });
  }

  private end(): void {
    if (!this.closed) this.events.onNoMoreRequests();
  }

  /** The request in flight has failed, or the connection is gone between requests. */
  private fail(): void {
    if (this.closed) return;
    const { inFlight } = this;
    this.inFlight = false;
    if (inFlight) this.events.onFailure();
    else if (this.session === null || this.session.destroyed) this.events.onNoMoreRequests();
  }
}

/** A name that comes twice becomes a list. */
function addHeader(request: ClientRequest, name: string, value: string): void {
  const before = request.getHeader(name);
  if (before === undefined) request.setHeader(name, value);
  else request.setHeader(name, [before, value].flat().map(String));
}

function connectArguments({ address, localAddress }: ConnectOptions): net.NetConnectOpts {
  if (address.path !== undefined) {
    return { path: address.path.startsWith("@") ? `\0${address.path.slice(1)}` : address.path };
  }
  return {
    host: address.ip,
    port: address.port,
    ...(localAddress === undefined ? {} : { localAddress: localAddress.ip }),
    ...(localAddress === undefined || localAddress.port === 0
      ? {}
      : { localPort: localAddress.port }),
  };
}
