// A process whose standard output nobody reads: says on stderr whether a bounded flush got through.
import { writeSync } from "node:fs";
import { NodeFiles } from "../../../src/platform/node/files.ts";

const files = new NodeFiles();
const bytes = 1 << 20;
const log = files.openLog("/dev/stdout", { flushIntervalMs: 1, flushBytes: 1, maxBytes: bytes });
log.append("x".repeat(bytes));
writeSync(2, String(await files.flushLogs(10)));
process.kill(process.pid, "SIGKILL");
