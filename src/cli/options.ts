/**
 * The flags of Envoy's command line that scripts rely on, and our own. Envoy: `OptionsImpl`
 * (source/server/options_impl.cc).
 */

/** How one flag is read. */
export interface Flag {
  readonly names: readonly string[];
  readonly kind: "value" | "switch";
  /** The one command that it is about; without it, every command. */
  readonly only?: "run" | "validate";
  /** Accepted without effect, for scripts written for Envoy. */
  readonly ignored?: true;
  readonly help: string;
}

/** Parsed flags: every value as text, repeated flags in order. */
export class ParsedOptions {
  readonly values: Map<string, string[]> = new Map();
  readonly positional: string[] = [];

  get(name: string): string | undefined {
    return this.values.get(name)?.at(-1);
  }

  all(name: string): readonly string[] {
    return this.values.get(name) ?? [];
  }

  has(name: string): boolean {
    return this.values.has(name);
  }
}

export const FLAGS: readonly Flag[] = [
  {
    names: ["--config-path", "-c"],
    kind: "value",
    help: "bootstrap file (YAML, JSON or .pb); repeat to merge files",
  },
  { names: ["--config-yaml"], kind: "value", help: "bootstrap text merged over the files" },
  { names: ["--mode"], kind: "value", only: "run", help: "serve (default), validate or init_only" },
  {
    names: ["--concurrency"],
    kind: "value",
    only: "run",
    help: "worker threads that serve: a number, or auto for one per processor (default 1)",
  },
  {
    names: ["--cpuset-threads"],
    kind: "switch",
    only: "run",
    help: "as --concurrency auto, unless --concurrency is given",
  },
  { names: ["--service-cluster"], kind: "value", help: "name of the local service" },
  { names: ["--service-node"], kind: "value", help: "id of this node" },
  { names: ["--service-zone"], kind: "value", help: "zone of this node" },
  {
    names: ["--log-level", "-l"],
    kind: "value",
    only: "run",
    help: "trace, debug, info (default), warning, error, critical or off",
  },
  {
    names: ["--component-log-level"],
    kind: "value",
    only: "run",
    help: "levels by component: upstream:debug,http:trace",
  },
  { names: ["--log-format"], kind: "value", only: "run", help: "format of log lines" },
  {
    names: ["--log-path"],
    kind: "value",
    only: "run",
    help: "write the log to this file instead of stderr",
  },
  {
    names: ["--drain-time-s"],
    kind: "value",
    only: "run",
    help: "longest wait for work in flight, in seconds (default 10)",
  },
  {
    names: ["--drain-strategy"],
    kind: "value",
    only: "run",
    help: "gradual (default) or immediate",
  },
  {
    names: ["--admin-address-path"],
    kind: "value",
    only: "run",
    help: "write the admin address to this file",
  },
  {
    names: ["--file-flush-interval-msec"],
    kind: "value",
    only: "run",
    help: "longest wait of an access log line (default 10000)",
  },
  { names: ["--stats-tag"], kind: "value", help: "name:value, a tag on every stat; repeatable" },
  {
    names: ["--allow-unknown-static-fields", "--allow-unknown-fields"],
    kind: "switch",
    help: "skip unknown fields of the bootstrap",
  },
  {
    names: ["--reject-unknown-dynamic-fields"],
    kind: "switch",
    only: "run",
    help: "refuse unknown fields of dynamic resources",
  },
  {
    names: ["--ignore-unknown-dynamic-fields"],
    kind: "switch",
    only: "run",
    help: "do not log unknown fields of dynamic resources",
  },
  { names: ["--no-reload"], kind: "switch", only: "run", help: "do not watch the files" },
  {
    names: ["--format"],
    kind: "value",
    only: "validate",
    help: "text (default) or json, for scripts",
  },
  { names: ["--help", "-h"], kind: "switch", help: "show this text" },
  { names: ["--version"], kind: "switch", help: "show the version" },
  {
    names: ["--disable-hot-restart"],
    kind: "switch",
    ignored: true,
    help: "accepted: there is no hot restart",
  },
  {
    names: [
      "--base-id",
      "--restart-epoch",
      "--parent-shutdown-time-s",
      "--base-id-path",
      "--socket-path",
      "--socket-mode",
    ],
    kind: "value",
    ignored: true,
    help: "accepted: there is no hot restart",
  },
  {
    names: ["--use-dynamic-base-id", "--skip-hot-restart-on-no-parent"],
    kind: "switch",
    ignored: true,
    help: "accepted: there is no hot restart",
  },
  {
    names: [
      "--local-address-ip-version",
      "--bootstrap-version",
      "--max-stats",
      "--max-obj-name-len",
    ],
    kind: "value",
    ignored: true,
    help: "accepted without effect",
  },
  {
    names: [
      "--log-format-escaped",
      "--enable-fine-grain-logging",
      "--skip-deprecated-logs",
      "--enable-core-dump",
    ],
    kind: "switch",
    ignored: true,
    help: "accepted without effect",
  },
];

const BY_NAME: ReadonlyMap<string, Flag> = new Map(
  FLAGS.flatMap((flag) => flag.names.map((name) => [name, flag] as const)),
);

/** Names of all flags, for "nearest name" remedies. */
export const FLAG_NAMES: readonly string[] = [...BY_NAME.keys()];

/** Returns the options, or the argument that is no flag or lacks its value. */
export function parseOptions(
  args: readonly string[],
):
  | { readonly options: ParsedOptions }
  | { readonly unknown: string }
  | { readonly valueless: string } {
  const options = new ParsedOptions();
  for (let index = 0; index < args.length; index++) {
    const argument = args[index] as string;
    if (!argument.startsWith("-") || argument === "-") {
      options.positional.push(argument);
      continue;
    }
    const equals = argument.startsWith("--") ? argument.indexOf("=") : -1;
    const name = equals < 0 ? argument : argument.slice(0, equals);
    const flag = BY_NAME.get(name);
    if (flag === undefined) return { unknown: name };
    const value =
      flag.kind === "switch" ? "true" : equals < 0 ? args[++index] : argument.slice(equals + 1);
    if (value === undefined) return { valueless: name };
    if (flag.ignored === undefined) add(options, flag.names[0] as string, value);
  }
  return { options };
}

function add(options: ParsedOptions, name: string, value: string): void {
  const values = options.values.get(name) ?? [];
  values.push(value);
  options.values.set(name, values);
}
