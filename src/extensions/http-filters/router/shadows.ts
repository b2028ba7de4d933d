// hot: per request
/**
 * Copies of a request that go elsewhere, as the router feeds them. Envoy: `shadow_streams_` of
 * `Router::Filter`, `ShadowWriterImpl`. The copies are made when the head is ready for the
 * upstream, and start with the first attempt.
 */
import type { HeaderMap, RequestHeaderMap } from "../../../codec/header-map.ts";
import { Headers } from "../../../codec/header-names.ts";
import type { HttpFilterCallbacks } from "../../../http/http-filter.ts";
import type { MirrorPolicy } from "../../../route/mirror-policy.ts";
import { requestFormatContext } from "../../../route/route-format.ts";
import type { Cluster } from "../../../upstream/cluster.ts";
import type { BodySink } from "./request-body.ts";
import type { RouterServices } from "./router-services.ts";
import { ShadowRoute } from "./shadow-route.ts";
import { ShadowStream, type ShadowStreamOwner } from "./shadow-stream.ts";

/** The request that is copied. */
export interface ShadowedRequest {
  readonly services: RouterServices;
  readonly callbacks: HttpFilterCallbacks;
  readonly cluster: Cluster;
}

export class Shadows implements ShadowStreamOwner, BodySink {
  private readonly request: ShadowedRequest;
  private readonly streams: ShadowStream[] = [];
  private started = false;

  constructor(request: ShadowedRequest) {
    this.request = request;
  }

  add(clusterName: string, headers: RequestHeaderMap, timeoutMs: number): void {
    const { callbacks } = this.request;
    const route = new ShadowRoute(clusterName, timeoutMs);
    const limit = callbacks.decoderBufferLimit();
    this.streams.push(new ShadowStream(this, callbacks, route, headers, limit));
  }

  /** The first attempt begins. */
  start(endStream: boolean): void {
    this.started = true;
    const { createShadow } = this.request.services;
    for (let index = 0; index < this.streams.length; index++) {
      const stream = this.streams[index] as ShadowStream;
      stream.start(createShadow(stream), endStream);
    }
  }

  /** `bytes` is borrowed. */
  sendData(bytes: Buffer, endStream: boolean): void {
    for (let index = 0; index < this.streams.length; index++) {
      (this.streams[index] as ShadowStream).sendData(bytes, endStream);
    }
  }

  sendTrailers(trailers: HeaderMap): void {
    for (let index = 0; index < this.streams.length; index++) {
      (this.streams[index] as ShadowStream).sendTrailers(trailers);
    }
  }

  /** The request ended. Copies that are complete go on by themselves. */
  onDestroy(): void {
    if (!this.started) return;
    for (let index = 0; index < this.streams.length; index++) {
      (this.streams[index] as ShadowStream).cancelUnfinished();
    }
  }

  onShadowAbandoned(): void {
    this.request.cluster.info.stats.retryOrShadowAbandoned.inc();
  }
}

/** Null when no policy wants a copy of this request. Tunnels are not copied. */
export function makeShadows(
  policies: readonly MirrorPolicy[],
  headers: RequestHeaderMap,
  timeoutMs: number,
  request: ShadowedRequest,
): Shadows | null {
  const { callbacks, services } = request;
  if (headers.method === "CONNECT" || headers.has(Headers.Upgrade)) return null;
  let shadows: Shadows | null = null;
  for (let index = 0; index < policies.length; index++) {
    const policy = policies[index] as MirrorPolicy;
    const clusterName = policy.clusterFor(headers, services.runtime(), callbacks.streamRandom);
    if (clusterName === "" || services.clusters.lookup(clusterName).kind === "none") continue;
    const { streamInfo, dispatcher } = callbacks;
    const copy = policy.copyHead(headers, requestFormatContext(headers, streamInfo, dispatcher));
    // Envoy: what a proxy sends of its own accord comes from inside, and from its own address.
    copy.set(Headers.EnvoyInternal, "true");
    copy.append(Headers.XForwardedFor, services.localAddress);
    shadows ??= new Shadows(request);
    shadows.add(clusterName, copy, timeoutMs);
  }
  return shadows;
}
