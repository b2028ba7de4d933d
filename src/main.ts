/** Entry of the program: hands the arguments and the Node platform to the command line. */
import process from "node:process";
import { ChildConfigLoader } from "./config/config-loader-protocol.ts";
import { ChildRequestChannel } from "./platform/node/child-requests.ts";
import { NodeFiles } from "./platform/node/files.ts";
import { SystemRandom } from "./platform/node/random.ts";
import { NodeSocketFactory } from "./platform/node/socket-factory.ts";
import { systemAlarm, systemTime } from "./platform/node/time.ts";
import { diagnosticLines, Server } from "./server/server.ts";

const channel = new ChildRequestChannel(new URL("./server/config-child.ts", import.meta.url));
channel.start();
const server = new Server(
  {
    time: systemTime,
    alarm: systemAlarm,
    random: new SystemRandom(),
    defer: queueMicrotask,
    onBug: (error) => console.error(error),
    sockets: new NodeSocketFactory(),
    dns: { resolve: (_name, _family, callback) => queueMicrotask(() => callback({ kind: "not-found" })) },
    files: new NodeFiles(),
  },
  new ChildConfigLoader(channel),
  { source: { files: [process.argv[process.argv.indexOf("-c") + 1] as string] }, drainTimeMs: 10_000 },
);
const problems = await server.start();
for (const line of diagnosticLines(problems)) console.error(line);
if (problems.some(({ severity }) => severity === "error")) process.exit(1);
