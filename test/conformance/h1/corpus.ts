// Reads and writes the raw HTTP/1 corpus: Markdown that people can extend without programming.
//
//   ### a fact in plain words
//   Why, with the section of the RFC.
//   ```request           the bytes: \r \n \t \\ \xHH; {a*500} repeats; line ends of the file do not
// count
//   ```
//   - door: 400 http1.codec_error, close      what the client gets; details and close/open may be
// left out
//   - forwarded: nothing                      or one or more ```forwarded blocks
//   - envoy: 400 http1.codec_error, close     information: what Envoy does, written by record.ts

/** One entry of requests.md or responses.md. */
export interface CorpusCase {
  readonly title: string;
  readonly why: string;
  /** Which listener of the runner's bootstrap; "main" unless said. */
  readonly listener: string;
  /** Bytes for the door (requests.md) or the request that fetches the answer (responses.md). */
  readonly request: string;
  /** Bytes of the upstream (responses.md). */
  readonly response: string | null;
  /** What the upstream does after its bytes: "keep" unless said. */
  readonly after: "keep" | "close";
  readonly door: string;
  /** Each request that may reach the upstream, in readable form. */
  readonly forwarded: readonly string[];
  readonly envoy: string;
}

export const PLAIN_GET = "GET / HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n";

/** Turns the escape notation into bytes (latin1 text). */
export function toBytes(text: string): string {
  const joined = text.replace(/\n/g, "");
  const repeated = joined.replace(/\{([^{}*]+)\*(\d+)\}/g, (_, what: string, times: string) =>
    what.repeat(Number(times)),
  );
  return repeated.replace(/\\(r|n|t|\\|x([0-9a-fA-F]{2}))/g, (_, what: string, hex?: string) => {
    if (hex !== undefined) return String.fromCharCode(Number.parseInt(hex, 16));
    return { r: "\r", n: "\n", t: "\t", "\\": "\\" }[what] ?? "";
  });
}

/** Makes bytes printable; long runs of one character become {x*500}. */
export function toReadable(text: string): string {
  return text
    .replace(/\\/g, "\\\\")
    .replace(/\r/g, "\\r")
    .replace(/\t/g, "\\t")
    .replace(/[^\x20-\x7e\n]/g, (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, "0")}`)
    .replace(/([\w-])\1{39,}/g, (run, character: string) => `{${character}*${run.length}}`);
}

/** All cases of a file. */
export function readCorpus(markdown: string): readonly CorpusCase[] {
  return markdown.split(/^### /m).slice(1).map(readCase);
}

function readCase(section: string): CorpusCase {
  const titleEnd = section.indexOf("\n");
  const title = section.slice(0, titleEnd).trim();
  const body = section.slice(titleEnd + 1).split(/^## /m)[0] ?? "";
  const blocks = [...body.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)];
  const block = (name: string): string | null =>
    blocks.find((match) => match[1] === name)?.[2] ?? null;
  const field = (name: string): string | null =>
    new RegExp(`^- ${name}: (.*)$`, "m").exec(body)?.[1]?.trim() ?? null;
  const forwarded = blocks
    .filter((match) => match[1] === "forwarded")
    .map((match) => (match[2] ?? "").replace(/\n$/, ""));
  const door = field("door");
  if (door === null) throw new Error(`corpus: "${title}" has no "- door:" line`);
  if (forwarded.length === 0 && field("forwarded") !== "nothing") {
    throw new Error(`corpus: "${title}" has neither "- forwarded: nothing" nor a block`);
  }
  return {
    title,
    why: (body.split(/^(?:```|- )/m)[0] ?? "").trim(),
    listener: field("listener") ?? "main",
    request: block("request") ?? PLAIN_GET,
    response: block("response"),
    after: field("after") === "close" ? "close" : "keep",
    door,
    forwarded,
    envoy: field("envoy") ?? "",
  };
}

/** Prints one case in the form that readCorpus reads. */
export function printCase(one: CorpusCase): string {
  const lines = [`### ${one.title}`];
  if (one.why !== "") lines.push(one.why);
  lines.push("");
  if (one.response === null || one.request !== PLAIN_GET) lines.push(fence("request", one.request));
  if (one.response !== null) lines.push(fence("response", one.response));
  if (one.listener !== "main") lines.push(`- listener: ${one.listener}`);
  if (one.after !== "keep") lines.push(`- after: ${one.after}`);
  lines.push(`- door: ${one.door}`);
  if (one.forwarded.length === 0) lines.push("- forwarded: nothing");
  if (one.envoy !== "") lines.push(`- envoy: ${one.envoy}`);
  for (const block of one.forwarded) lines.push(fence("forwarded", block));
  return `${lines.join("\n")}\n`;
}

function fence(name: string, text: string): string {
  return `\`\`\`${name}\n${text.replace(/\n$/, "")}\n\`\`\``;
}
