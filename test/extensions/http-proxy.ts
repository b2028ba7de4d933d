// A whole proxy on simulated time and a network in memory, in front of one upstream that answers
// every request with the request itself. Configuration is written as in a bootstrap file.
import type { ListenSocket } from "../../src/platform/sockets.ts";
import type { ServerOptions } from "../../src/server/server.ts";
import { headerValues } from "../kit/http1-message.ts";
import { MemoryPeer } from "../kit/memory-client.ts";
import { type Answer, ServerFixture } from "../server/server-fixture.ts";

export type Message = Readonly<Record<string, unknown>>;

export const PROXY_PORT = 10_000;
export const UPSTREAM_PORT = 10_001;
export const LOG_PATH = "/var/log/access.log";

export interface HttpProxyOptions {
  /** Before the router. */
  readonly filters?: readonly Message[];
  /** Fields of the connection manager. */
  readonly manager?: Message;
  /** Fields of the only virtual host. */
  readonly host?: Message;
  /** Fields of the only route, which forwards everything. */
  readonly route?: Message;
  /** Routes before it. */
  readonly routes?: readonly Message[];
  readonly clusters?: readonly Message[];
  readonly listener?: Message;
  /** Fields of the bootstrap. */
  readonly bootstrap?: Message;
  /** Head and body of the upstream's answer; by default 200 with the request as its body. */
  readonly answer?: string;
}

/** `any("http.cors.v3.Cors")` names envoy.extensions.filters.http.cors.v3.Cors. */
export function any(name: string, fields: Message = {}): Message {
  return { "@type": `type.googleapis.com/envoy.extensions.filters.${name}`, ...fields };
}

export function httpFilter(name: string, type: string, fields: Message = {}): Message {
  return { name: `envoy.filters.http.${name}`, typed_config: any(`http.${type}`, fields) };
}

/** A file log with this format. */
export function fileLog(format: string, fields: Message = {}): Message {
  return {
    name: "log",
    typed_config: {
      "@type": "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog",
      path: LOG_PATH,
      log_format: { text_format_source: { inline_string: format } },
    },
    ...fields,
  };
}

export class HttpProxy {
  readonly server: ServerFixture;
  /** What the upstream received, one text per connection. */
  readonly upstreams: MemoryPeer[] = [];
  private upstream: ListenSocket | null = null;

  private constructor(server: ServerFixture) {
    this.server = server;
  }

  static async start(
    options: HttpProxyOptions = {},
    server: Partial<ServerOptions> = {},
  ): Promise<HttpProxy> {
    const proxy = new HttpProxy(await ServerFixture.create(bootstrapText(options), server));
    const { network } = proxy.server;
    const address = { ip: "127.0.0.1", port: UPSTREAM_PORT };
    proxy.upstream = await network.listen({ address }, (socket) => {
      const peer = new AnsweringPeer(options.answer ?? null);
      peer.socket = socket;
      socket.events = peer;
      proxy.upstreams.push(peer);
      socket.resume();
    });
    await proxy.server.start();
    return proxy;
  }

  /** Diagnostics of a configuration that is wrong: `path: message`. */
  static async problems(options: HttpProxyOptions): Promise<string[]> {
    const server = await ServerFixture.create(bootstrapText(options));
    const found = await server.settled(server.server.start(async () => []));
    await server.close();
    return found.map(
      ({ path, message }) => `${path.replace(/^.*?typed_config\./, "")}: ${message}`,
    );
  }

  /** One request on a connection of its own; `headers` are lines. */
  exchange(start: string, headers: readonly string[] = [], body: string = ""): Promise<Answer> {
    const lines = headers.map((line) => `${line}\r\n`).join("");
    return this.server.request(PROXY_PORT, start, { headers: lines, body });
  }

  /** Runs on with another configuration. */
  async reload(options: HttpProxyOptions): Promise<void> {
    await this.server.reload(bootstrapText(options));
  }

  /** Head lines that the upstream received of request `index`. */
  seen(index: number = -1): string[] {
    const [head = ""] = (this.upstreams.at(index)?.text ?? "").split("\r\n\r\n");
    return head.split("\r\n");
  }

  /** Lines of the access log. */
  get log(): string[] {
    return (this.server.files.logs.get(LOG_PATH) ?? "").split("\n").slice(0, -1);
  }

  /** Ends everything and fails when something is left open. */
  async close(): Promise<void> {
    this.upstream?.close();
    await this.server.close();
  }
}

/** Values of a header of an answer. */
export function valuesOf(answer: Answer, name: string): readonly string[] {
  return headerValues(answer.headers, name);
}

/** Answers each request once its head and its announced body are there. */
class AnsweringPeer extends MemoryPeer {
  private readonly fixed: string | null;
  private answered = 0;

  constructor(fixed: string | null) {
    super();
    this.fixed = fixed;
  }

  override onBytes(buffer: Buffer, length: number): void {
    super.onBytes(buffer, length);
    const request = this.text.slice(this.answered);
    const end = request.indexOf("\r\n\r\n");
    const expected = Number(/^content-length: (\d+)/m.exec(request)?.[1] ?? 0);
    const chunked = /^transfer-encoding: chunked/m.test(request);
    if (end < 0 || request.length < end + 4 + expected) return;
    if (chunked && !request.endsWith("0\r\n\r\n")) return;
    this.answered = this.text.length;
    this.send(
      this.fixed ?? `HTTP/1.1 200 OK\r\ncontent-length: ${request.length}\r\n\r\n${request}`,
    );
  }

  override onEnd(): void {
    super.onEnd();
    this.end();
  }
}

function bootstrapText(options: HttpProxyOptions): string {
  const route = { match: { prefix: "/" }, route: { cluster: "up" }, ...options.route };
  const host = {
    name: "host",
    domains: ["*"],
    routes: [...(options.routes ?? []), route],
    ...options.host,
  };
  const manager = any("network.http_connection_manager.v3.HttpConnectionManager", {
    stat_prefix: "in",
    route_config: { name: "routes", virtual_hosts: [host] },
    http_filters: [...(options.filters ?? []), httpFilter("router", "router.v3.Router")],
    ...options.manager,
  });
  const listener = {
    name: "listener",
    address: socketAddress(PROXY_PORT),
    filter_chains: [{ filters: [{ name: "http", typed_config: manager }] }],
    ...options.listener,
  };
  return JSON.stringify({
    node: { id: "node", cluster: "service" },
    ...options.bootstrap,
    static_resources: {
      listeners: [listener],
      clusters: [staticCluster("up", [UPSTREAM_PORT]), ...(options.clusters ?? [])],
    },
  });
}

export function staticCluster(name: string, ports: readonly number[]): Message {
  const endpoints = ports.map((port) => ({ endpoint: { address: socketAddress(port) } }));
  return {
    name,
    connect_timeout: "1s",
    load_assignment: { cluster_name: name, endpoints: [{ lb_endpoints: endpoints }] },
  };
}

function socketAddress(port: number): Message {
  return { socket_address: { address: "127.0.0.1", port_value: port } };
}
