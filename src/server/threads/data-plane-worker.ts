/**
 * Entry of a worker thread: a complete data path on the real platform. It writes its logs itself:
 * through the main thread they would wait for it.
 */
import { toByteString } from "../../base/byte-string.ts";
import { compileLogFormat, type LogFormat } from "../../log/log-format.ts";
import { LoggerRegistry } from "../../log/logger.ts";
import { NodeFiles } from "../../platform/node/files.ts";
import { LOG_OPTIONS } from "../../platform/node/log-file.ts";
import { createNodePlatform } from "../../platform/node/platform.ts";
import {
  onUncaughtError,
  parentChannel,
  threadMemory,
  trimMemory,
} from "../../platform/node/threads.ts";
import { systemTime } from "../../platform/node/time.ts";
import { WriteTurn } from "../../platform/node/write-turn.ts";
import { PlaneHost } from "./plane-host.ts";
import type { PlaneInit, WorkerLog } from "./plane-messages.ts";

const { data, channel } = parentChannel();
const init = data as PlaneInit;
const files = new NodeFiles(new WriteTurn(init.log.turn, 1 + init.id));
const host = new PlaneHost(channel, init, {
  platform: createNodePlatform(files),
  loggers: createLoggers(init.log),
  reopenLogs: () => files.reopenLogs(),
  flushLogs: async () => void (await files.flushLogs()),
  trimMemory,
  memory: threadMemory,
});
onUncaughtError((error) => host.reportBug(error));

function createLoggers({ path, format, processId }: WorkerLog): LoggerRegistry {
  const identity = { processId, threadId: processId + 1 + init.id };
  const compiled = compileLogFormat(format, identity);
  // The main thread has checked it.
  const good = compiled as LogFormat;
  const log = files.openLog(path, LOG_OPTIONS);
  return new LoggerRegistry(systemTime, (line) => log.append(toByteString(line)), good);
}
