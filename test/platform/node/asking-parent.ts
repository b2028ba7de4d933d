// A process that asks a child, says so, and waits to be killed.
import { ChildRequestChannel } from "../../../src/platform/node/child-requests.ts";

const channel = new ChildRequestChannel(new URL("./echo-child.ts", import.meta.url));
console.log(await channel.request("ready"));
process.stdin.resume();
await channel.request("wait");
