// hot: per request
/**
 * One RouteConfiguration, compiled. Everything is compiled once to find problems; then virtual
 * hosts are made again at first use, so that memory follows what traffic asks for. Envoy:
 * `ConfigImpl` (config_impl.cc).
 */
import { lowerAscii } from "../base/ascii.ts";
import { toByteString } from "../base/byte-string.ts";
import { portStart } from "../codec/authority.ts";
import { type HeaderName, headerName } from "../codec/header-names.ts";
import { CompileContext } from "../config/compile-context.ts";
import type {
  RouteConfiguration,
  VirtualHost as VirtualHostMessage,
} from "../proto/generated/envoy/config/route/v3.ts";
import { compileVirtualHost, type TableSettings } from "./compile-virtual-host.ts";
import { requestHeaderName } from "./header-matcher.ts";
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
  private compiled: VirtualHost | null;

  constructor(message: VirtualHostMessage, settings: TableSettings, compiled: VirtualHost | null) {
    this.message = message;
    this.settings = settings;
    this.compiled = compiled;
  }

  get(): VirtualHost {
    // Problems were reported when the table was compiled; what remains can only be a warning.
    this.compiled ??= compileVirtualHost(this.message, this.settings, new CompileContext());
    return this.compiled;
  }
}

/** Compiles a route configuration; null after reporting errors. Keeps references into `message`. */
export function compileRouteTable(
  message: RouteConfiguration,
  services: RouteServices,
  context: CompileContext,
): RouteTable | null {
  const own = new CompileContext(context.path);
  const table = new TableCompiler(message, services, own).compile();
  context.diagnostics.push(...own.diagnostics);
  return own.ok() ? table : null;
}

class TableCompiler {
  private readonly message: RouteConfiguration;
  private readonly context: CompileContext;
  private readonly settings: TableSettings;
  private readonly clusterNames: Set<string> = new Set();

  constructor(message: RouteConfiguration, services: RouteServices, context: CompileContext) {
    this.message = message;
    this.context = context;
    const validate = message.validateClusters ?? services.validateClusters;
    const known = validate ? services.clusterNames : null;
    this.settings = {
      services,
      level: compileLevel(message, undefined, services, context),
      mostSpecificWins: message.mostSpecificHeaderMutationsWins === true,
      maxDirectResponseBytes: message.maxDirectResponseBodySizeBytes ?? MAX_DIRECT_RESPONSE_BYTES,
      ignorePathParameters: message.ignorePathParametersInPathMatching === true,
      useCluster: (name, at): void => {
        this.clusterNames.add(name);
        if (known !== null && !known.has(name)) {
          at.error(
            `Unknown cluster '${name}'`,
            "define the cluster, or set validate_clusters: false",
          );
        }
      },
    };
  }

  compile(): RouteTable {
    const { message, context } = this;
    reportRouteConfiguration(message, context);
    const domains = new DomainIndex();
    const hosts = message.virtualHosts ?? [];
    for (const [index, host] of hosts.entries()) {
      const at = context.at("virtual_hosts", index);
      const compiled = compileVirtualHost(host, this.settings, at);
      const kept = hosts.length <= EAGER_HOSTS_MAX ? compiled : null;
      this.addDomains(host, new LazyVirtualHost(host, this.settings, kept), domains, at);
    }
    return new CompiledRouteTable(
      message.name ?? "",
      (message.internalOnlyHeaders ?? []).map((name) => headerName(name)),
      [...this.clusterNames],
      domains,
      {
        name: requestHeaderName(message.vhostHeader || ":authority"),
        ignorePort: message.ignorePortInHostMatching === true,
      },
    );
  }

  private addDomains(
    host: VirtualHostMessage,
    slot: VirtualHostSlot,
    domains: DomainIndex,
    context: CompileContext,
  ): void {
    if ((host.domains ?? []).length === 0) {
      context.at("domains").error("A virtual host needs a domain", 'use "*" for every host');
    }
    for (const [index, domain] of (host.domains ?? []).entries()) {
      if (domains.add(toByteString(domain), slot)) continue;
      const text =
        lowerAscii(domain) === "*"
          ? "Only one virtual host may have the domain *"
          : `Domain ${domain} is there twice in route configuration ${this.message.name ?? ""}`;
      context.at("domains", index).error(text, "domains are unique, whatever their case");
    }
  }
}
