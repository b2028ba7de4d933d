/** The real outside world of one thread. */
import type { DispatcherPlatform } from "../dispatcher.ts";
import type { Http2Clients } from "../http2-client.ts";
import { NodeDnsResolver } from "./dns.ts";
import type { NodeFiles } from "./files.ts";
import { NodeHostEnvironment } from "./host-environment.ts";
import { http2Clients } from "./http2-client.ts";
import { SystemRandom } from "./random.ts";
import { NodeSocketFactory } from "./socket-factory.ts";
import { systemAlarm, systemTime } from "./time.ts";

export interface NodePlatform extends DispatcherPlatform {
  readonly sockets: NodeSocketFactory;
  readonly dns: NodeDnsResolver;
  readonly files: NodeFiles;
  readonly http2: Http2Clients;
  readonly host: NodeHostEnvironment;
}

export function createNodePlatform(files: NodeFiles): NodePlatform {
  return {
    time: systemTime,
    alarm: systemAlarm,
    random: new SystemRandom(),
    defer: queueMicrotask,
    // The server counts and logs it.
    onBug: () => undefined,
    sockets: new NodeSocketFactory(),
    dns: new NodeDnsResolver(),
    files,
    http2: http2Clients,
    host: new NodeHostEnvironment(),
  };
}
