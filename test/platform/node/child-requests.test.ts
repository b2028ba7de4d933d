import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ChildRequestChannel } from "../../../src/platform/node/child-requests.ts";

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
});
