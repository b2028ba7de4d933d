/** The part of resolv.conf(5) that decides which names are asked for: search domains and ndots. */

export interface ResolvConf {
  readonly search: readonly string[];
  /** A name with fewer dots is tried with the search domains first. */
  readonly ndots: number;
}

const DEFAULT_NDOTS = 1;
const NDOTS_MAX = 15;

/** The last `search` or `domain` line counts. */
export function parseResolvConf(text: string): ResolvConf {
  let search: readonly string[] = [];
  let ndots = DEFAULT_NDOTS;
  for (const line of text.split("\n")) {
    const [word, ...rest] = line
      .replace(/[#;].*/, "")
      .trim()
      .split(/\s+/);
    if (word === "search") search = rest;
    else if (word === "domain") search = rest.slice(0, 1);
    else if (word === "options") ndots = ndotsOf(rest) ?? ndots;
  }
  return { search: search.map((domain) => domain.replace(/\.$/, "")).filter(Boolean), ndots };
}

function ndotsOf(options: readonly string[]): number | undefined {
  for (const option of options) {
    const digits = /^ndots:(\d+)$/.exec(option)?.[1];
    if (digits !== undefined) return Math.min(Number(digits), NDOTS_MAX);
  }
  return undefined;
}

/** The full names to ask for, in order. A trailing dot means the name is complete. */
export function candidates(name: string, conf: ResolvConf): string[] {
  if (name.endsWith(".")) return [name.slice(0, -1)];
  const searched = conf.search.map((domain) => `${name}.${domain}`);
  const dots = name.split(".").length - 1;
  return dots >= conf.ndots ? [name, ...searched] : [...searched, name];
}
