/**
 * One HTTP check of one host without its wire: what is asked, and what the answer means. Envoy:
 * `HttpActiveHealthCheckSession::healthCheckResult`.
 */
import type { ResponseHeaderMap } from "../../../codec/header-map.ts";
import { RequestHeaderMap } from "../../../codec/header-map.ts";
import { Headers } from "../../../codec/header-names.ts";
import { ConnectionInfo, type Protocol, StreamInfo } from "../../../network/stream-info.ts";
import type { SocketAddress } from "../../../platform/sockets.ts";
import type {
  HealthProbeListener,
  HealthProbeServices,
  HealthProbeTarget,
} from "../../../upstream/health/health-probe.ts";
import { PayloadSearch } from "../../common/payload.ts";
import type { HttpCheckConfig, StatusRange } from "./config.ts";

const USER_AGENT = "Envoy/HC";
const VERIFY_CLUSTER_KEY = "health_check.verify_cluster";
const LOOPBACK: SocketAddress = { ip: "127.0.0.1", port: 0 };

export class HttpCheck {
  readonly config: HttpCheckConfig;
  readonly target: HealthProbeTarget;
  readonly services: HealthProbeServices;
  private readonly listener: HealthProbeListener;
  private readonly search: PayloadSearch;
  private response: ResponseHeaderMap | null = null;
  private bodyBytes = 0;

  constructor(
    config: HttpCheckConfig,
    target: HealthProbeTarget,
    services: HealthProbeServices,
    listener: HealthProbeListener,
  ) {
    this.config = config;
    this.target = target;
    this.services = services;
    this.listener = listener;
    this.search = new PayloadSearch(config.expectedBody);
  }

  /** The head of the next request. */
  request(protocol: Protocol): RequestHeaderMap {
    const { config, target } = this;
    this.response = null;
    this.bodyBytes = 0;
    this.search.reset();
    const headers = new RequestHeaderMap();
    headers.method = config.method;
    headers.authority = target.hostname() || config.host || target.cluster.name;
    headers.path = config.path;
    headers.scheme = "http";
    headers.add(Headers.UserAgent, USER_AGENT);
    if (!config.headers.empty) this.mutate(headers, protocol);
    if (config.body !== null) headers.set(Headers.ContentLength, String(config.body.length));
    return headers;
  }

  onHead(headers: ResponseHeaderMap): void {
    this.response = headers;
  }

  onBody(bytes: Buffer): void {
    const { expectedBody, responseBufferBytes } = this.config;
    if (expectedBody.length === 0 || this.search.found) return;
    const room = responseBufferBytes === 0 ? bytes.length : responseBufferBytes - this.bodyBytes;
    this.bodyBytes += bytes.length;
    if (room > 0) this.search.feed(bytes.subarray(0, room));
  }

  /** The response is complete. */
  finish(): void {
    const headers = this.response;
    this.response = null;
    if (headers === null) {
      this.fail();
      return;
    }
    const expected = inRanges(headers.status, this.config.expectedStatuses);
    if (!expected || !this.search.found) {
      if (headers.has(Headers.EnvoyImmediateHealthCheckFail)) this.listener.onImmediateFail();
      const { retriableStatuses } = this.config;
      const retriable = this.search.found && inRanges(headers.status, retriableStatuses);
      this.listener.onCheckFailed("ACTIVE", retriable);
    } else if (!this.isRightService(headers)) {
      this.listener.onCheckFailed("ACTIVE", false);
    } else {
      this.listener.onCheckPassed(headers.has(Headers.EnvoyDegraded));
    }
  }

  /** No response, or not all of it. */
  fail(): void {
    this.listener.onCheckFailed("NETWORK", false);
  }

  private isRightService(headers: ResponseHeaderMap): boolean {
    const { serviceName } = this.config;
    const { runtime, dispatcher, stats } = this.services;
    if (serviceName === null) return true;
    if (!runtime.featureEnabled(VERIFY_CLUSTER_KEY, 100, 100, dispatcher.random.uint32()))
      return true;
    stats.verifyCluster.inc();
    return serviceName.matches(headers.get(Headers.EnvoyUpstreamHealthCheckedCluster) ?? "");
  }

  private mutate(headers: RequestHeaderMap, protocol: Protocol): void {
    const { dispatcher } = this.services;
    const { description } = this.target;
    const nowMs = dispatcher.monotonicMs();
    const connection = new ConnectionInfo(0, LOOPBACK, LOOPBACK);
    const streamInfo = new StreamInfo(connection, nowMs, dispatcher.wallMs());
    streamInfo.protocol = protocol;
    streamInfo.upstream = {
      hostAddress: description.addressText,
      hostname: description.hostname,
      localAddress: null,
      connectionId: 0,
      protocol: null,
      metadata: description.metadata,
    };
    this.config.headers.apply(headers, {
      streamInfo,
      requestHeaders: null,
      responseHeaders: null,
      responseTrailers: null,
      logType: "NotSet",
      nowMs,
    });
  }
}

function inRanges(status: number, ranges: readonly StatusRange[]): boolean {
  return ranges.some(({ start, end }) => status >= start && status < end);
}
