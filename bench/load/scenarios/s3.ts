// S3: maximum throughput by number of connections (anchors: gateway-api-bench, Istio).
import type { Lab } from "../lab.ts";
import { getShape } from "../request.ts";
import { runRequestCases, type Scenario } from "./scenario.ts";

const CONNECTIONS: readonly number[] = [1, 16, 32, 64, 512];

export const s3: Scenario = {
  id: "s3",
  title: "S3 maximum throughput, 1 KB answers, keep-alive",
  run: (lab: Lab): Promise<void> =>
    runRequestCases(
      lab,
      "s3",
      CONNECTIONS.map((connections) => ({
        name: `${connections} connections`,
        shape: getShape(1024),
        connections,
      })),
    ),
};
