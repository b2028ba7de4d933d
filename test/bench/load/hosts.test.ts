import assert from "node:assert/strict";
import { fork } from "node:child_process";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { Hosts } from "../../../bench/load/hosts-process.ts";
import { RawClient, type ReadResponse } from "../../kit/raw-client.ts";

const ENTRY = fileURLToPath(new URL("../../../bench/load/main.ts", import.meta.url));
const REQUEST = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
/** Longest wait for what must come. */
const SOON_MS = 10_000;

const children = ["2", "1"].map((count) => fork(ENTRY, ["@hosts", count]));
let hosts: Hosts;

before(async () => {
  const [good, bad] = children;
  hosts = await Hosts.open(good!, bad!);
});

after(() => {
  for (const child of children) child.kill("SIGKILL");
});

async function ask(host: number): Promise<ReadResponse> {
  const client = await RawClient.connect({ port: hosts.ports[host]! });
  await client.send(REQUEST);
  const answer = await client.readResponse(false, SOON_MS);
  client.destroy();
  return answer;
}

test("healthy hosts answer and count", async () => {
  assert.equal(hosts.ports.length, 3);
  await hosts.counts();
  for (const host of [0, 2, 2]) assert.match((await ask(host)).message!.startLine, / 200 /);
  const counts = await hosts.counts();
  assert.deepEqual(
    counts.map((one) => one.requests),
    [1, 0, 2],
  );
  assert.equal(counts[2]?.peakActive, 1);
});

test("a fault is the bad host's alone, and ends", async () => {
  await hosts.fault("503");
  assert.match((await ask(2)).message!.startLine, / 503 /);
  assert.match((await ask(0)).message!.startLine, / 200 /);
  await hosts.fault("reset");
  assert.equal((await ask(2)).message, null);
  await hosts.fault("slow");
  assert.match((await ask(2)).message!.startLine, / 200 /);
  await hosts.fault("healthy");
  assert.match((await ask(2)).message!.startLine, / 200 /);
});

test("a host that swallows everything comes back", async () => {
  await hosts.fault("blackhole");
  await hosts.fault("healthy");
  assert.match((await ask(2)).message!.startLine, / 200 /);
});
