// `npm start` as a process: it needs its own ports, and is skipped, loudly, where they are taken.
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { get } from "node:http";
import { createServer } from "node:net";
import { join } from "node:path";
import { describe, it } from "node:test";
import { EXAMPLES } from "./running-example.ts";

const START = join(EXAMPLES, "quickstart", "start.ts");

async function isFree(port: number): Promise<boolean> {
  const server = createServer().listen(port, "127.0.0.1");
  const free = await once(server, "listening").then(
    () => true,
    () => false,
  );
  server.close();
  return free;
}

async function takenPort(): Promise<string | false> {
  for (const port of [10_000, 15_000, 18_081, 18_082]) {
    if (await isFree(port)) continue;
    process.stderr.write(`SKIPPED: the quickstart needs port ${port}, and it is taken\n`);
    return `port ${port} is taken`;
  }
  return false;
}

class Quickstart {
  output = "";
  readonly exit: Promise<number | null>;
  private readonly child: ChildProcess;

  constructor(...args: readonly string[]) {
    this.child = spawn(process.execPath, [START, ...args], { stdio: ["ignore", "pipe", "pipe"] });
    this.exit = once(this.child, "exit").then(([code]) => code as number | null);
    const add = (bytes: Buffer): void => {
      this.output += bytes.toString();
    };
    this.child.stdout!.on("data", add);
    this.child.stderr!.on("data", add);
  }

  async prints(pattern: RegExp): Promise<void> {
    while (!pattern.test(this.output)) {
      const ended = this.exit.then(() => "ended");
      const next = once(this.child.stdout!, "data").then(() => "more");
      if ((await Promise.race([next, ended])) === "ended") assert.match(this.output, pattern);
    }
  }

  signal(name: NodeJS.Signals): void {
    this.child.kill(name);
  }
}

async function answerOf(url: string, headers: Record<string, string>): Promise<string> {
  const [response] = await once(get(url, { agent: false, headers }), "response");
  let body = "";
  for await (const piece of response) body += String(piece);
  return body;
}

describe("npm start", { skip: await takenPort() }, () => {
  it("serves, shows who answered in plain lines, and ends cleanly at Ctrl-C", async () => {
    const quickstart = new Quickstart();
    await quickstart.prints(/curl http:\/\/127\.0\.0\.1:10000\/hello/);
    const answer = await answerOf("http://127.0.0.1:10000/a", { "x-version": "v2" });
    assert.equal(answer, '{"service":"shop","version":"v2","path":"/a"}\n');
    await quickstart.prints(/shop-v1 \| [1-9]\d* \|.*; shop-v2 \| [1-9]/);
    assert.ok(!quickstart.output.includes("\u001b"), "no terminal, no control characters");

    const second = new Quickstart();
    assert.equal(await second.exit, 1);
    assert.match(second.output, /^Ports 10000, 15000, 18081, 18082 are taken: stop what .*\n$/);

    // npm passes on what the terminal has sent already.
    quickstart.signal("SIGINT");
    quickstart.signal("SIGINT");
    assert.equal(await quickstart.exit, 0, quickstart.output);
    assert.equal(await takenPort(), false);
  });
});
