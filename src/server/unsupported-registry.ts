/**
 * What the configuration in force asks for and does not get, by resource: for the log, the admin
 * page /unsupported and gauges. Requests for HTTP/2 are counted per resource, since such a resource
 * answers 503.
 */
import type { Diagnostic } from "../base/diagnostic.ts";
import type { Gauge } from "../stats/gauge.ts";
import type { StatsScope } from "../stats/stats-scope.ts";

export type ResourceKind = "bootstrap" | "cluster" | "listener";

/** A field that is not obeyed. */
export interface UnsupportedField {
  readonly kind: ResourceKind;
  /** Name of the resource; "" for the bootstrap. */
  readonly resource: string;
  readonly path: string;
  readonly message: string;
}

interface Entry {
  readonly fields: readonly UnsupportedField[];
  /** Holds the gauge of the resource; null when it does not ask for HTTP/2. */
  readonly scope: StatsScope | null;
}

/** How every compile function words it. */
const HTTP2 = /\bHTTP\/2\b/;

export class UnsupportedRegistry {
  private readonly root: StatsScope;
  private readonly count: Gauge;
  private readonly entries = new Map<string, Entry>();

  /** Gauges: `outrigger.unsupported_fields`, `<cluster|listener>.<name>.http2_not_supported`. */
  constructor(root: StatsScope) {
    this.root = root;
    this.count = root.scope("outrigger").gauge("unsupported_fields", "max");
    this.count.set(0);
  }

  /** Replaces what is known of a resource; warnings name the fields. */
  set(kind: ResourceKind, resource: string, diagnostics: readonly Diagnostic[]): void {
    this.remove(kind, resource);
    const warnings = diagnostics.filter(({ severity }) => severity === "warning");
    if (warnings.length === 0) return;
    const fields = warnings.map(({ path, message }) => ({ kind, resource, path, message }));
    const asksForHttp2 = fields.some(({ message }) => HTTP2.test(message));
    const scope = asksForHttp2 ? this.root.scope(`${kind}.${resource}`) : null;
    scope?.gauge("http2_not_supported", "max").set(1);
    this.entries.set(keyOf(kind, resource), { fields, scope });
    this.show();
  }

  remove(kind: ResourceKind, resource: string): void {
    const entry = this.entries.get(keyOf(kind, resource));
    if (entry === undefined) return;
    entry.scope?.remove();
    this.entries.delete(keyOf(kind, resource));
    this.show();
  }

  all(): UnsupportedField[] {
    return [...this.entries.values()].flatMap(({ fields }) => fields);
  }

  private show(): void {
    this.count.set(this.all().length);
  }
}

function keyOf(kind: ResourceKind, resource: string): string {
  return `${kind}\n${resource}`;
}
