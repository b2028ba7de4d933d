// hot: per request
/**
 * One RouteConfiguration, compiled. Everything is compiled once to find problems; then virtual
 * hosts are made again at first use, so that memory follows what traffic asks for. Envoy:
 * `ConfigImpl` (config_impl.cc).
 */
import { lowerAscii } from "../base/ascii.ts";
import { toByteString } from "../base/byte-string.ts";
import type { Diagnostic } from "../base/diagnostic.ts";
import { nearestName } from "../base/nearest-name.ts";
import { portStart } from "../codec/authority.ts";
import { type HeaderName, headerName } from "../codec/header-names.ts";
import { CompileContext } from "../config/compile-context.ts";
import type {
  RouteConfiguration,
  VirtualHost as VirtualHostMessage,
} from "../proto/generated/envoy/config/route/v3.ts";
import { compileVirtualHost, type TableSettings } from "./compile-virtual-host.ts";
import { requestHeaderName } from "./header-matcher.ts";
import { compileMirrorPolicies } from "./mirror-policy.ts";
import type { Route, RouteMatchInput, RouteTable } from "./route.ts";
import { compileLevel } from "./route-levels.ts";
import type { RouteServices } from "./route-services.ts";
import { reportRouteConfiguration } from "./unsupported-fields.ts";
import { DomainIndex, type VirtualHost, type VirtualHostSlot } from "./virtual-host.ts";

/** Envoy: `DEFAULT_MAX_DIRECT_RESPONSE_BODY_SIZE_BYTES`. */
const MAX_DIRECT_RESPONSE_BYTES = 4096;
/** Small tables keep what the first compilation made. */
const EAGER_HOSTS_MAX = 16;

/** How the host of a request is read. */
interface HostSource {
  /** `vhost_header`, or the authority. */
  readonly name: HeaderName;
  readonly ignorePort: boolean;
}

class CompiledRouteTable implements RouteTable {
  readonly name: string;
  readonly internalOnlyHeaders: readonly HeaderName[];
  readonly clusterNames: readonly string[];
  private readonly domains: DomainIndex;
  private readonly host: HostSource;

  constructor(
    name: string,
    internalOnlyHeaders: readonly HeaderName[],
    clusterNames: readonly string[],
    domains: DomainIndex,
    host: HostSource,
  ) {
    this.name = name;
    this.internalOnlyHeaders = internalOnlyHeaders;
    this.clusterNames = clusterNames;
    this.domains = domains;
    this.host = host;
  }

  match(input: RouteMatchInput): Route | null {
    const slot = this.findHost(input);
    return slot === null ? null : slot.get().match(input);
  }

  private findHost(input: RouteMatchInput): VirtualHostSlot | null {
    if (this.domains.onlyFallback) return this.domains.fallbackSlot;
    let host = input.headers.get(this.host.name);
    if (host === undefined || host === "") return null;
    if (this.host.ignorePort) {
      const colon = portStart(host);
      if (colon >= 0) host = host.slice(0, colon);
    }
    return this.domains.find(host);
  }
}

class LazyVirtualHost implements VirtualHostSlot {
  private readonly message: VirtualHostMessage;
  private readonly settings: TableSettings;
  /** Path of the message: filters tell their configs apart by it. */
  private readonly place: string;
  private compiled: VirtualHost | null;

  constructor(
    message: VirtualHostMessage,
    settings: TableSettings,
    place: string,
    compiled: VirtualHost | null,
  ) {
    this.message = message;
    this.settings = settings;
    this.place = place;
    this.compiled = compiled;
  }

  get(): VirtualHost {
    // Problems were reported when the table was compiled; what remains can only be a warning.
    this.compiled ??= compileVirtualHost(
      this.message,
      this.settings,
      new CompileContext(this.place),
    );
    return this.compiled;
  }
}

/** Compiles a route configuration; null after reporting errors. Keeps references into `message`. */
export function compileRouteTable(
  message: RouteConfiguration,
  services: RouteServices,
  context: CompileContext,
): RouteTable | null {
  const compilation = new RouteTableCompilation(message, services, context);
  compilation.advance(() => true);
  return compilation.finish();
}

/** Compiles a route configuration in slices: ten thousand virtual hosts take a few hundred ms. */
export class RouteTableCompilation {
  private readonly message: RouteConfiguration;
  private readonly target: CompileContext;
  private readonly context: CompileContext;
  private readonly settings: TableSettings;
  /** For virtual hosts made later: their clusters are known. */
  private readonly lazySettings: TableSettings;
  private readonly clusterNames: Set<string> = new Set();
  private readonly domains: DomainIndex = new DomainIndex();
  private next = 0;

  /** Problems go to `context` when it is finished. */
  constructor(message: RouteConfiguration, services: RouteServices, context: CompileContext) {
    this.message = message;
    this.target = context;
    this.context = new CompileContext(context.path);
    const validate = message.validateClusters ?? services.validateClusters;
    const known = validate ? services.clusterNames : null;
    reportRouteConfiguration(message, this.context);
    this.lazySettings = {
      services,
      level: compileLevel(message, undefined, services, this.context),
      mostSpecificWins: message.mostSpecificHeaderMutationsWins === true,
      maxDirectResponseBytes: message.maxDirectResponseBodySizeBytes ?? MAX_DIRECT_RESPONSE_BYTES,
      ignorePathParameters: message.ignorePathParametersInPathMatching === true,
      mirrors: null,
      useCluster: ignoreCluster,
    };
    const useCluster = (name: string, at: CompileContext): void => {
      this.clusterNames.add(name);
      if (known !== null && !known.has(name)) {
        at.error(`Unknown cluster '${name}'`, clusterRemedy(name, known));
      }
    };
    const mirrors = compileMirrorPolicies(
      message.requestMirrorPolicies,
      { formats: services.formats, useCluster },
      this.context,
    );
    this.lazySettings = { ...this.lazySettings, mirrors };
    this.settings = { ...this.lazySettings, useCluster };
  }

  /** Compiles virtual hosts while `mayContinue` says so; true when all are done. */
  advance(mayContinue: () => boolean): boolean {
    const hosts = this.message.virtualHosts ?? [];
    while (this.next < hosts.length) {
      if (!mayContinue()) return false;
      this.addHost(hosts[this.next]!, this.next, hosts.length <= EAGER_HOSTS_MAX);
      this.next++;
    }
    return true;
  }

  /** The table, or null when there are errors. Once, after `advance` has said true. */
  finish(): RouteTable | null {
    const { message, target, context } = this;
    target.diagnostics.push(...foldWarnings(context.diagnostics));
    if (!context.ok()) return null;
    return new CompiledRouteTable(
      message.name ?? "",
      (message.internalOnlyHeaders ?? []).map((name) => headerName(name)),
      [...this.clusterNames],
      this.domains,
      {
        name: requestHeaderName(message.vhostHeader || ":authority"),
        ignorePort: message.ignorePortInHostMatching === true,
      },
    );
  }

  private addHost(host: VirtualHostMessage, index: number, keep: boolean): void {
    const at = this.context.at("virtual_hosts", index);
    const compiled = compileVirtualHost(host, this.settings, at);
    const slot = new LazyVirtualHost(host, this.lazySettings, at.path, keep ? compiled : null);
    if ((host.domains ?? []).length === 0) {
      at.at("domains").error("A virtual host needs a domain", 'use "*" for every host');
    }
    for (const [position, domain] of (host.domains ?? []).entries()) {
      if (this.domains.add(toByteString(domain), slot)) continue;
      const text =
        lowerAscii(domain) === "*"
          ? "Only one virtual host may have the domain *"
          : `Domain ${domain} is there twice`;
      at.at("domains", position).error(text, "domains are unique, whatever their case");
    }
  }
}

function clusterRemedy(name: string, known: ReadonlySet<string>): string {
  const nearest = nearestName(name, known);
  const advice = "define the cluster, or set validate_clusters: false";
  return nearest === null ? advice : `did you mean '${nearest}'? Else ${advice}`;
}

function ignoreCluster(): void {
  // Noted when the table was compiled.
}

/** A warning that many routes share is told once, with the number of further places. */
function foldWarnings(diagnostics: readonly Diagnostic[]): Diagnostic[] {
  const counts = new Map<string, number>();
  for (const { severity, message } of diagnostics) {
    if (severity === "warning") counts.set(message, (counts.get(message) ?? 0) + 1);
  }
  const folded: Diagnostic[] = [];
  for (const diagnostic of diagnostics) {
    const { severity, message } = diagnostic;
    const count = severity === "warning" ? counts.get(message)! : 1;
    if (count === 0) continue;
    counts.set(message, 0);
    const more = count > 1 ? ` (and in ${count - 1} more places)` : "";
    folded.push({ ...diagnostic, message: message + more });
  }
  return folded;
}
