// `node test/conformance/h1/record.ts`: plays the corpus on Envoy and writes its behaviour into the
// "- envoy:" lines. A case whose door is "?" takes Envoy's behaviour as its expectation.
import { readFileSync, writeFileSync } from "node:fs";
import { requirePeer } from "../../kit/find-envoy.ts";
import { envoyCommand } from "../../kit/proxy-process.ts";
import { type CorpusCase, printCase, readCorpus } from "./corpus.ts";
import { expectations, play, type Seen, startCorpusProxy } from "./door.ts";

const envoy = requirePeer("envoy");
if (envoy.skip) process.exit(0);

function inWords(one: CorpusCase, seen: Seen): string {
  const same = JSON.stringify(one.forwarded) === JSON.stringify(seen.forwarded);
  const count = seen.forwarded.length;
  const forwarded = count === 0 ? "forwards nothing" : `forwards ${count} request(s)`;
  return `${seen.door}; ${same ? "forwards the same" : forwarded}`;
}

for (const name of ["requests.md", "responses.md"]) {
  const file = new URL(name, import.meta.url);
  const text = readFileSync(file, "utf8");
  const side = await startCorpusProxy(envoyCommand(envoy.path));
  const printed: string[] = [];
  try {
    for (const one of readCorpus(text)) {
      const seen = await play(side, one, {
        answers: 0,
        closes: expectations(one.envoy.split(";")[0] ?? "").closes,
      });
      const filled = one.door === "?" ? { ...one, ...seen } : one;
      printed.push(printCase({ ...filled, envoy: inWords(filled, seen) }));
    }
  } finally {
    await side.stop();
  }
  // Section headings stand before the case that follows them.
  const sections = text.split(/^### .*$/m);
  const headings = sections.map((section) => /^## [\s\S]*/m.exec(section)?.[0]?.trim() ?? "");
  const intro = (sections[0] ?? "").trimEnd();
  const parts = printed.map((part, i) => {
    const heading = i > 0 && headings[i] ? `${headings[i]}\n\n` : "";
    return `${heading}${part}`;
  });
  writeFileSync(file, `${intro}\n\n${parts.join("\n")}`);
  console.log(`${name}: ${printed.length} cases`);
}
