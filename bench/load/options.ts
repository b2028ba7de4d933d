// Command line of the load harness.
import { parseArgs } from "node:util";
import type { OutriggerBuild } from "./targets/outrigger.ts";

export interface BenchOptions {
  readonly scenarios: readonly string[];
  /** Empty means: every target that is installed. */
  readonly targets: readonly string[];
  readonly builds: readonly OutriggerBuild[];
  /** Bundle of the build to compare with; null when there is none. */
  readonly basePath: string | null;
  readonly repeat: number;
  /** Length of one measured run. */
  readonly seconds: number;
  readonly warmupSeconds: number;
  readonly quick: boolean;
  readonly upstream: "auto" | "node" | "nginx";
  readonly engine: "auto" | "own" | "wrk";
  /** Runs a second copy of one target to show the noise; otherwise rounds are split in halves. */
  readonly twin: boolean;
  /** How often a window is measured while other programs disturb it. */
  readonly tries: number;
  readonly cases: readonly string[];
  readonly jsonPath: string | null;
  readonly htmlPath: string | null;
  readonly help: boolean;
}

export const HELP = `Usage: npm run bench -- [options]

  --scenario LIST   accept (default), s2, s3, s5, s6, s7, tcp, start, s11, churn, threads, plain;
                    comma separated, or all
  --targets LIST    direct, nginx, haproxy, envoy, fast-proxy, http-proxy-3, outrigger (default: all installed)
  --outrigger CMD   run this Outrigger instead of the one in this checkout; NAME=CMD adds one under a
                    name, repeat it to compare builds: --outrigger old="node dist-old/outrigger.js"
  --base FILE       compare with another build of the bundle, outrigger.js, as target outrigger-base
  --case TEXT       only cases whose name contains TEXT (repeatable)
  --repeat N        rounds; targets are interleaved in each (default 5; quick 2)
  --seconds N       length of one measured run (default 5; quick 1)
  --warmup N        warm-up before the first measured run of a process (default 3; quick 1)
  --quick           fewer rounds, shorter runs: under three minutes, a first impression only
  --tries N         measure a window up to N times while other programs use over 20 % of a core
                    (default 4; quick 1); the least disturbed one counts
  --upstream KIND   auto (default), node, nginx
  --engine KIND     for saturated runs: auto (default: wrk when installed), own, wrk
  --no-twin         no second copy of a target for the A/A comparison (halves of the rounds instead)
  --json FILE       where the result goes (default bench/results/<time>/result.json)
  --html FILE       where the report goes (default beside the result)
  --help            this text
`;

/** Parses the arguments after the command name. Throws with one clear line on a bad one. */
export function parseOptions(args: readonly string[]): BenchOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      scenario: { type: "string", multiple: true },
      targets: { type: "string" },
      outrigger: { type: "string", multiple: true },
      base: { type: "string" },
      case: { type: "string", multiple: true },
      repeat: { type: "string" },
      seconds: { type: "string" },
      warmup: { type: "string" },
      tries: { type: "string" },
      quick: { type: "boolean", default: false },
      upstream: { type: "string", default: "auto" },
      engine: { type: "string", default: "auto" },
      "no-twin": { type: "boolean", default: false },
      json: { type: "string" },
      html: { type: "string" },
      help: { type: "boolean", default: false },
    },
  });
  const quick = values.quick;
  return {
    scenarios: list(values.scenario ?? ["accept"]),
    targets: list(values.targets === undefined ? [] : [values.targets]),
    builds: (values.outrigger ?? []).map(parseBuild),
    basePath: values.base ?? null,
    cases: values.case ?? [],
    repeat: positive("--repeat", values.repeat, quick ? 2 : 5),
    seconds: positive("--seconds", values.seconds, quick ? 1 : 5),
    warmupSeconds: positive("--warmup", values.warmup, quick ? 1 : 3),
    tries: positive("--tries", values.tries, quick ? 1 : 4),
    quick,
    upstream: oneOf("--upstream", values.upstream, ["auto", "node", "nginx"]),
    engine: oneOf("--engine", values.engine, ["auto", "own", "wrk"]),
    twin: !values["no-twin"] && !quick,
    jsonPath: values.json ?? null,
    htmlPath: values.html ?? null,
    help: values.help,
  };
}

/** `NAME=CMD` or `CMD`; a name has no spaces or slashes. */
export function parseBuild(text: string): OutriggerBuild {
  const named = /^([A-Za-z][\w.-]*)=(.+)$/.exec(text);
  if (named === null) return { name: "outrigger", command: text };
  return { name: `outrigger:${named[1]}`, command: named[2] as string };
}

function list(values: readonly string[]): readonly string[] {
  return values.flatMap((value) => value.split(",")).filter((value) => value !== "");
}

function positive(name: string, text: string | undefined, fallback: number): number {
  if (text === undefined) return fallback;
  const value = Number(text);
  if (!(value > 0)) throw new Error(`${name} needs a number above 0, not "${text}"`);
  return value;
}

function oneOf<T extends string>(name: string, value: string, allowed: readonly T[]): T {
  const found = allowed.find((candidate) => candidate === value);
  if (found === undefined)
    throw new Error(`${name} is one of ${allowed.join(", ")}, not "${value}"`);
  return found;
}
