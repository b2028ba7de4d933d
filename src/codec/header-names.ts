// hot: per header
/**
 * Header names, interned: a name is one object, compared by identity. Known names (ours and those
 * that configuration mentions) are pinned; names that only traffic mentions fill a bounded table,
 * and beyond that are made anew, so a client that invents names costs only itself. RFC 9110 §5.1:
 * names are case-insensitive, kept in lower case.
 */

export class HeaderName {
  /** Lower case. */
  readonly text: string;
  /**
   * `name: ` as written on an HTTP/1 wire, after the end of the line before: two concatenations per
   * field instead of three.
   */
  readonly wire: string;
  /**
   * One bit of 31, spread over names: a header map remembers the bits it has seen, so most absences
   * cost one AND.
   */
  readonly bit: number;
  /** @internal The last head that held the name: tells repeated lines apart. */
  stamp = 0;
  /** RFC 9110 §7.6.1 and Envoy's always-removed list. */
  readonly hopByHop: boolean;
  /** `:method`, `:path`, … */
  readonly pseudo: boolean;
  /** `x-envoy-…`: candidates for sanitising. */
  readonly envoy: boolean;

  constructor(text: string, bit: number) {
    this.text = text;
    this.wire = `\r\n${text}: `;
    this.bit = bit;
    this.hopByHop = HOP_BY_HOP.has(text);
    this.pseudo = text.startsWith(":");
    this.envoy = text.startsWith("x-envoy-");
  }
}

const HOP_BY_HOP: ReadonlySet<string> = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "transfer-encoding",
  "upgrade",
]);

const TRAFFIC_NAMES_MAX = 4096;
/** The first names have a bit of their own: those whose absence every request is asked for. */
const OWN_BITS = 22;
/** All further `x-envoy-…` names share one: a request without any is told apart by one AND. */
const ENVOY_BIT = 1 << 22;
/** Everything else shares the rest. */
const SHARED_BITS = 8;

const pinned = new Map<string, HeaderName>();
const fromTraffic = new Map<string, HeaderName>();
let nextBit = 0;

/**
 * The interned name, pinned for the life of the process. For names in code and in configuration;
 * any case.
 */
export function headerName(text: string): HeaderName {
  const lower = text.toLowerCase();
  const known = pinned.get(lower);
  if (known !== undefined) return known;
  const name = fromTraffic.get(lower) ?? makeName(lower);
  fromTraffic.delete(lower);
  pinned.set(lower, name);
  return name;
}

/** The name for text seen in traffic; `lower` is lower case and a valid token. */
export function trafficHeaderName(lower: string): HeaderName {
  const known = pinned.get(lower) ?? fromTraffic.get(lower);
  if (known !== undefined) return known;
  const name = makeName(lower);
  if (fromTraffic.size < TRAFFIC_NAMES_MAX) fromTraffic.set(lower, name);
  return name;
}

function makeName(text: string): HeaderName {
  return new HeaderName(text, bitFor(text));
}

function bitFor(text: string): number {
  const order = nextBit++;
  if (order < OWN_BITS) return 1 << order;
  return text.startsWith("x-envoy-") ? ENVOY_BIT : 1 << (OWN_BITS + 1 + (order % SHARED_BITS));
}

/**
 * Names that the proxy itself reads or writes. Order matters only in that the first 22 have a bit
 * of their own.
 */
// biome-ignore lint/complexity/noStaticOnlyClass: a namespace whose members have written types.
export class Headers {
  static readonly Connection: HeaderName = headerName("connection");
  static readonly TransferEncoding: HeaderName = headerName("transfer-encoding");
  static readonly ContentLength: HeaderName = headerName("content-length");
  static readonly Upgrade: HeaderName = headerName("upgrade");
  static readonly Expect: HeaderName = headerName("expect");
  static readonly KeepAlive: HeaderName = headerName("keep-alive");
  static readonly ProxyConnection: HeaderName = headerName("proxy-connection");
  static readonly Te: HeaderName = headerName("te");
  static readonly Referer: HeaderName = headerName("referer");
  static readonly XForwardedFor: HeaderName = headerName("x-forwarded-for");
  static readonly XForwardedProto: HeaderName = headerName("x-forwarded-proto");
  static readonly XForwardedHost: HeaderName = headerName("x-forwarded-host");
  static readonly XForwardedPort: HeaderName = headerName("x-forwarded-port");
  static readonly ForwardedClientCert: HeaderName = headerName("x-forwarded-client-cert");
  static readonly RequestId: HeaderName = headerName("x-request-id");
  static readonly Via: HeaderName = headerName("via");
  static readonly ContentType: HeaderName = headerName("content-type");
  static readonly Date: HeaderName = headerName("date");
  static readonly Server: HeaderName = headerName("server");
  static readonly Location: HeaderName = headerName("location");
  static readonly GrpcStatus: HeaderName = headerName("grpc-status");
  static readonly GrpcMessage: HeaderName = headerName("grpc-message");
  static readonly GrpcTimeout: HeaderName = headerName("grpc-timeout");
  static readonly EnvoyInternal: HeaderName = headerName("x-envoy-internal");
  static readonly EnvoyUpstreamServiceTime: HeaderName = headerName(
    "x-envoy-upstream-service-time",
  );
  static readonly EnvoyOriginalPath: HeaderName = headerName("x-envoy-original-path");
  static readonly ClientTraceId: HeaderName = headerName("x-client-trace-id");
  static readonly Host: HeaderName = headerName("host");
  static readonly UserAgent: HeaderName = headerName("user-agent");
  static readonly Trailer: HeaderName = headerName("trailer");
  static readonly Cookie: HeaderName = headerName("cookie");
  static readonly SetCookie: HeaderName = headerName("set-cookie");
  static readonly Origin: HeaderName = headerName("origin");
  static readonly EnvoyExpectedRequestTimeoutMs: HeaderName = headerName(
    "x-envoy-expected-rq-timeout-ms",
  );
  static readonly EnvoyUpstreamRequestTimeoutMs: HeaderName = headerName(
    "x-envoy-upstream-rq-timeout-ms",
  );
  static readonly EnvoyUpstreamRequestPerTryTimeoutMs: HeaderName = headerName(
    "x-envoy-upstream-rq-per-try-timeout-ms",
  );
  static readonly EnvoyUpstreamRequestTimeoutAltResponse: HeaderName = headerName(
    "x-envoy-upstream-rq-timeout-alt-response",
  );
  static readonly EnvoyUpstreamStreamDurationMs: HeaderName = headerName(
    "x-envoy-upstream-stream-duration-ms",
  );
  static readonly EnvoyUpstreamAltStatName: HeaderName = headerName(
    "x-envoy-upstream-alt-stat-name",
  );
  static readonly EnvoyRetryOn: HeaderName = headerName("x-envoy-retry-on");
  static readonly EnvoyRetryGrpcOn: HeaderName = headerName("x-envoy-retry-grpc-on");
  static readonly EnvoyMaxRetries: HeaderName = headerName("x-envoy-max-retries");
  static readonly EnvoyRetriableStatusCodes: HeaderName = headerName(
    "x-envoy-retriable-status-codes",
  );
  static readonly EnvoyRetriableHeaderNames: HeaderName = headerName(
    "x-envoy-retriable-header-names",
  );
  static readonly EnvoyHedgeOnPerTryTimeout: HeaderName = headerName(
    "x-envoy-hedge-on-per-try-timeout",
  );
  static readonly EnvoyForceTrace: HeaderName = headerName("x-envoy-force-trace");
  static readonly EnvoyIpTags: HeaderName = headerName("x-envoy-ip-tags");
  static readonly EnvoyOriginalUrl: HeaderName = headerName("x-envoy-original-url");
  static readonly EnvoyOriginalHost: HeaderName = headerName("x-envoy-original-host");
  static readonly EnvoyDecoratorOperation: HeaderName = headerName("x-envoy-decorator-operation");
  static readonly EnvoyDownstreamServiceCluster: HeaderName = headerName(
    "x-envoy-downstream-service-cluster",
  );
  static readonly EnvoyDownstreamServiceNode: HeaderName = headerName(
    "x-envoy-downstream-service-node",
  );
  static readonly EnvoyExternalAddress: HeaderName = headerName("x-envoy-external-address");
  static readonly EnvoyAttemptCount: HeaderName = headerName("x-envoy-attempt-count");
  static readonly EnvoyOverloaded: HeaderName = headerName("x-envoy-overloaded");
  static readonly EnvoyLocalOverloaded: HeaderName = headerName("x-envoy-local-overloaded");
  static readonly EnvoyImmediateHealthCheckFail: HeaderName = headerName(
    "x-envoy-immediate-health-check-fail",
  );
  static readonly EnvoyUpstreamCanary: HeaderName = headerName("x-envoy-upstream-canary");
  static readonly EnvoyUpstreamHealthCheckedCluster: HeaderName = headerName(
    "x-envoy-upstream-healthchecked-cluster",
  );
  static readonly EnvoyRateLimited: HeaderName = headerName("x-envoy-ratelimited");
  static readonly EnvoyDegraded: HeaderName = headerName("x-envoy-degraded");
  static readonly Method: HeaderName = headerName(":method");
  static readonly Path: HeaderName = headerName(":path");
  static readonly Authority: HeaderName = headerName(":authority");
  static readonly Scheme: HeaderName = headerName(":scheme");
  static readonly Protocol: HeaderName = headerName(":protocol");
  static readonly Status: HeaderName = headerName(":status");
}
