// Makes sure that a proxy has done all it had to do, however slow the machine is: a connection to a
// listener of its own is served by the same event loop, after everything that was ready before.
// A quiet window alone would say "nothing comes" of a proxy that merely waits for its CPU.
import { connect } from "node:net";
import { any, listener, type Message } from "./bootstrap.ts";

/** Name and stat prefix of the extra listener; its stats are not compared. */
export const BARRIER = "barrier";

/**
 * Rounds: one hop each for the proxy's answer to the client's, the upstreams' and its own events.
 */
const ROUNDS = 3;
/** Where the listener is gone (a case drained it) only time is left. */
const WITHOUT_LISTENER_MS = 60;

/** The bootstrap with one listener more, that says one byte and closes. */
export function withBarrier(bootstrap: Message): Message {
  const resources = bootstrap["static_resources"] as { listeners?: readonly Message[] };
  const filter = {
    name: "envoy.filters.network.direct_response",
    typed_config: any("envoy.extensions.filters.network.direct_response.v3.Config", {
      response: { inline_string: "." },
    }),
  };
  const listeners = [...(resources.listeners ?? []), listener(BARRIER, [filter])];
  return { ...bootstrap, static_resources: { ...resources, listeners } };
}

/** Waits until the proxy behind `port` has handled what was ready before the call. */
export async function settle(port: number): Promise<void> {
  for (let round = 0; round < ROUNDS; round++) {
    if (!(await passes(port))) return sleep(WITHOUT_LISTENER_MS);
    // Our own side: events that came in the same turn as the answer.
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** True when the proxy answered and closed. */
function passes(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    let answered = false;
    const socket = connect({ port, host: "127.0.0.1" });
    socket.on("data", () => {
      answered = true;
    });
    socket.on("error", () => undefined);
    socket.on("close", () => resolve(answered));
  });
}

/** Lets time pass where only time can tell: a window in which nothing may come. */
export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
