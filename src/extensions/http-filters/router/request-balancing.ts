// hot: per request
/**
 * What a request brings to the choice of a host: its hash, its subset, and for later attempts the
 * hosts and priorities to avoid. Envoy: the `LoadBalancerContext` half of `Router::Filter`.
 */
import type { RequestHeaderMap } from "../../../codec/header-map.ts";
import type { HttpFilterCallbacks } from "../../../http/http-filter.ts";
import type { StreamInfo } from "../../../network/stream-info.ts";
import type { RouteEntry } from "../../../route/route.ts";
import type { Host } from "../../../upstream/host.ts";
import type { HostSet } from "../../../upstream/host-set.ts";
import type {
  LoadBalancerContext,
  OverrideHost,
  PriorityLoads,
} from "../../../upstream/load-balancer.ts";
import type { RetryState } from "./retry-state.ts";

export class RequestBalancing implements LoadBalancerContext {
  readonly callbacks: HttpFilterCallbacks;
  entry: RouteEntry | null = null;
  headers: RequestHeaderMap | null = null;
  metadataMatch: Record<string, unknown> | null = null;
  /** Null when nothing is tried again, or no more. */
  retry: RetryState | null = null;
  /** How many attempts there were. */
  attempts = 0;
  /** Set-Cookie lines for the response, made while hashing. */
  cookies: string[] | null = null;
  private hashed: bigint | null | undefined;

  constructor(callbacks: HttpFilterCallbacks) {
    this.callbacks = callbacks;
  }

  get requestHeaders(): RequestHeaderMap | null {
    return this.headers;
  }

  get streamInfo(): StreamInfo {
    return this.callbacks.streamInfo;
  }

  /** Wishes of filters hold for the first attempt only. */
  get overrideHost(): OverrideHost | null {
    return this.attempts > 1 ? null : this.callbacks.overrideHost;
  }

  get hostSelectionAttempts(): number {
    return this.attempts > 1 && this.retry !== null ? this.retry.hostSelectionAttempts : 0;
  }

  shouldSelectAnotherHost(host: Host): boolean {
    return this.attempts > 1 && this.retry !== null && this.retry.shouldSelectAnotherHost(host);
  }

  priorityLoads(loads: PriorityLoads, sets: readonly HostSet[]): PriorityLoads {
    if (this.attempts < 2 || this.retry === null) return loads;
    return this.retry.priorityLoads(loads, sets);
  }

  /** Dynamic metadata of the request wins over that of the route. */
  chooseSubset(entry: RouteEntry): void {
    const own = this.callbacks.streamInfo.metadata("envoy.lb");
    this.metadataMatch =
      own === undefined ? entry.metadataMatch : { ...entry.metadataMatch, ...own };
  }

  /** Worked out for policies that ask: a cookie that nothing hashes is not made either. */
  get hash(): bigint | null {
    if (this.hashed === undefined) {
      const { streamInfo } = this.callbacks;
      const entry = this.entry as RouteEntry;
      const addCookie = (setCookie: string): void => this.addCookie(setCookie);
      this.hashed = entry.hash(this.headers as RequestHeaderMap, streamInfo, addCookie);
    }
    return this.hashed;
  }

  addCookie(setCookie: string): void {
    this.cookies ??= [];
    this.cookies.push(setCookie);
  }
}
