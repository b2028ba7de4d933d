// hot: per request
/**
 * `request_mirror_policies`: which clusters get a copy of a request, how many requests are copied,
 * and what differs in the copy. Envoy: `ShadowPolicyImpl` (source/common/router/config_impl.cc).
 */
import { toByteString } from "../base/byte-string.ts";
import { portStart } from "../codec/authority.ts";
import { RequestHeaderMap } from "../codec/header-map.ts";
import type { HeaderName } from "../codec/header-names.ts";
import type { CompileContext } from "../config/compile-context.ts";
import {
  compileRuntimeFraction,
  type RuntimeFraction,
  type RuntimeSnapshot,
} from "../config/runtime.ts";
import type { RouteAction_RequestMirrorPolicy as Message } from "../proto/generated/envoy/config/route/v3.ts";
import type { FormatParser, FormatterContext } from "./formatter.ts";
import { compileHeaderChanges, type Mutation } from "./header-changes.ts";
import { requestHeaderName } from "./header-matcher.ts";

const SUFFIX = "-shadow";

export class MirrorPolicy {
  private readonly cluster: string;
  /** Names the cluster; null with a fixed one. */
  private readonly clusterHeader: HeaderName | null;
  /** Null: every request is copied. */
  private readonly fraction: RuntimeFraction | null;
  private readonly hostLiteral: string;
  private readonly addsSuffix: boolean;
  private readonly mutations: readonly Mutation[];

  constructor(message: Message, mutations: readonly Mutation[]) {
    this.cluster = message.cluster ?? "";
    this.clusterHeader =
      this.cluster === "" ? requestHeaderName(message.clusterHeader ?? "") : null;
    const { runtimeFraction } = message;
    this.fraction = runtimeFraction === undefined ? null : compileRuntimeFraction(runtimeFraction);
    this.hostLiteral = toByteString(message.hostRewriteLiteral ?? "");
    this.addsSuffix = message.disableShadowHostSuffixAppend !== true;
    this.mutations = mutations;
  }

  /** The cluster that gets a copy; "" when none does. */
  clusterFor(headers: RequestHeaderMap, runtime: RuntimeSnapshot, random: number): string {
    const { fraction, clusterHeader } = this;
    if (fraction !== null) {
      const { key, numerator, denominator } = fraction;
      if (!runtime.featureEnabled(key, numerator, denominator, random)) return "";
    }
    return clusterHeader === null ? this.cluster : (headers.get(clusterHeader) ?? "");
  }

  /** The head of a copy. */
  copyHead(headers: RequestHeaderMap, context: FormatterContext): RequestHeaderMap {
    const copy = copyOf(headers);
    for (let index = 0; index < this.mutations.length; index++) {
      this.mutations[index]!.apply(copy, context);
    }
    if (this.hostLiteral !== "") copy.authority = this.hostLiteral;
    else if (this.addsSuffix) copy.authority = withSuffix(copy.authority);
    return copy;
  }
}

function copyOf(headers: RequestHeaderMap): RequestHeaderMap {
  const copy = new RequestHeaderMap();
  copy.method = headers.method;
  copy.path = headers.path;
  copy.scheme = headers.scheme;
  copy.authority = headers.authority;
  copy.protocol = headers.protocol;
  copy.seen = headers.seen;
  for (let index = 0; index < headers.names.length; index++) {
    copy.names.push(headers.names[index] as HeaderName);
    copy.values.push(headers.values[index] as string);
  }
  copy.originalHostName = headers.originalHostName;
  copy.originalNames = headers.originalNames === null ? null : [...headers.originalNames];
  return copy;
}

/** Before the port, if there is one. */
function withSuffix(host: string): string {
  const port = portStart(host);
  return port < 0 ? host + SUFFIX : `${host.slice(0, port)}${SUFFIX}${host.slice(port)}`;
}

export interface MirrorCompilation {
  readonly formats: FormatParser;
  /** Notes a cluster that gets copies, and reports it when it must exist and does not. */
  useCluster(name: string, context: CompileContext): void;
}

/** Null for an empty list; problems are in the context. */
export function compileMirrorPolicies(
  messages: readonly Message[] | undefined,
  compilation: MirrorCompilation,
  context: CompileContext,
): readonly MirrorPolicy[] | null {
  if (messages === undefined || messages.length === 0) return null;
  return messages.flatMap((message, index) => {
    const at = context.at("request_mirror_policies", index);
    checkCluster(message, compilation, at);
    if (message.traceSampled !== undefined) {
      at.at("trace_sampled").warn("trace_sampled has no effect: tracing is not supported yet");
    }
    const field = "request_headers_mutations";
    const changes = message.requestHeadersMutations ?? [];
    const mutations = compileHeaderChanges("request", changes, compilation.formats, at, field);
    return [new MirrorPolicy(message, mutations)];
  });
}

function checkCluster(
  { cluster = "", clusterHeader = "" }: Message,
  compilation: MirrorCompilation,
  context: CompileContext,
): void {
  if ((cluster === "") === (clusterHeader === "")) {
    context.error("A mirror policy needs one of cluster and cluster_header", "set exactly one");
  } else if (cluster !== "") compilation.useCluster(cluster, context.at("cluster"));
}
