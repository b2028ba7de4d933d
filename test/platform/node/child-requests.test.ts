import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { describe, it } from "node:test";
import { ChildRequestChannel } from "../../../src/platform/node/child-requests.ts";

/** Lets the hasty child be idle for its single millisecond. */
function idle(): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const quiet = spawn(process.execPath, ["-e", ""]);
  quiet.on("exit", () => resolve());
  return promise;
}

describe("the child process", () => {
  const echo = new URL("./echo-child.ts", import.meta.url);

  it("is started again when it died, and the request is asked again", async () => {
    const channel = new ChildRequestChannel(echo);
    assert.equal(await channel.request("a"), "a");
    const first = (await channel.request("pid")) as number;
    process.kill(first);
    // Asked right away: the answer comes from this child or from the next one.
    assert.equal(await channel.request("b"), "b");
    channel.close();
  });

  it("answers a request that fails with an error, and one that kills it twice with another", async () => {
    const channel = new ChildRequestChannel(echo);
    await assert.rejects(channel.request("throw"), /asked to throw/);
    await assert.rejects(channel.request("die"), /ended before it answered/);
    assert.equal(await channel.request("c"), "c");
    channel.close();
  });

  it("takes several requests at once and keeps their order", async () => {
    const channel = new ChildRequestChannel(echo);
    const answers = await Promise.all(["1", "2", "3"].map((text) => channel.request(text)));
    assert.deepEqual(answers, ["1", "2", "3"]);
    channel.close();
    await assert.rejects(channel.request("late"), /closed/);
  });

  it("ends by itself when nothing is asked", async () => {
    const channel = new ChildRequestChannel(new URL("./hasty-child.ts", import.meta.url));
    const first = await channel.request("pid");
    // Answered by the first child until it has ended, then by the next one.
    while ((await channel.request("pid")) === first) await idle();
    channel.close();
  });

  it("ends when its parent is killed", async () => {
    const parent = spawn(process.execPath, [join(import.meta.dirname, "asking-parent.ts")], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    // The child holds the same pipe: it closes when both are gone.
    const closed = once(parent.stdout, "close");
    await once(parent.stdout, "data");
    parent.kill("SIGKILL");
    await closed;
  });
});
