// TCP throughput: tcp_proxy beside HAProxy in TCP mode, and nginx where its stream module is.
import type { Lab } from "../lab.ts";
import { runBulkCases, tcpBulkCase } from "./bulk.ts";
import type { Scenario } from "./scenario.ts";

const MB = 2 ** 20;

export const tcp: Scenario = {
  id: "tcp",
  title: "TCP throughput",
  run: (lab: Lab): Promise<void> =>
    runBulkCases(lab, "tcp", [
      tcpBulkCase(lab, "down", 512 * MB, 1, 1),
      tcpBulkCase(lab, "up", 512 * MB, 1, 1),
      tcpBulkCase(lab, "down", 64 * MB, 16, 1),
      tcpBulkCase(lab, "up", 64 * MB, 16, 1),
    ]),
};
