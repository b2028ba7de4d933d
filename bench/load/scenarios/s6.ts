// S6: connection rate: a new connection for each request (HTTP close mode), and plain TCP.
import type { Lab } from "../lab.ts";
import { requestMetrics } from "../lab.ts";
import { getShape, type RequestShape } from "../request.ts";
import { isWanted, rotate, runRequestCases, type Scenario } from "./scenario.ts";

export const CLOSE_SHAPE: RequestShape = { ...getShape(1024), close: true };
const TCP_CASE = "TCP connect, 1 byte each way, close";
const TCP_AT_ONCE = 16;

/** The HTTP case by name. */
export const CLOSE_CASE = "new connection + 1 request, 32 at once";

export const s6: Scenario = {
  id: "s6",
  title: "S6 connection rate",
  async run(lab: Lab): Promise<void> {
    await runRequestCases(lab, "s6", [{ name: CLOSE_CASE, shape: CLOSE_SHAPE, connections: 32 }]);
    if (isWanted(lab, TCP_CASE)) await runTcpConnects(lab);
  },
};

async function runTcpConnects(lab: Lab): Promise<void> {
  const entries = await lab.startTargets({ mode: "tcp", upstreamPort: lab.tcpPort });
  const job = (port: number, seconds: number) =>
    ({
      kind: "tcp",
      port,
      connections: TCP_AT_ONCE,
      direction: "connect",
      bytes: 0,
      turns: 1,
      seconds,
    }) as const;
  try {
    for (const { running } of entries) {
      await lab.generator.run(job(running.port, lab.options.warmupSeconds));
    }
    for (let round = 0; round < lab.options.repeat; round++) {
      for (const entry of rotate(entries, round)) {
        lab.progress(`s6 · ${TCP_CASE} · round ${round + 1} · ${entry.label}`);
        const { value: measured, othersPercent } = await lab.undisturbed(() =>
          lab.measure(entry, () => lab.generator.run(job(entry.running.port, lab.options.seconds))),
        );
        lab.samples.push({
          scenario: "s6",
          case: TCP_CASE,
          target: entry.label,
          round,
          engine: measured.result.engine,
          metrics: { ...requestMetrics(entry, measured), othersPercent },
        });
      }
    }
  } finally {
    await lab.stopTargets(entries);
  }
}
