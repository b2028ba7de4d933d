// The scenarios by name.
import type { BenchOptions } from "../options.ts";
import { accept } from "./accept.ts";
import { churn } from "./churn.ts";
import { failure } from "./failure.ts";
import { plain } from "./plain.ts";
import { s2 } from "./s2.ts";
import { s3 } from "./s3.ts";
import { s5 } from "./s5.ts";
import { s6 } from "./s6.ts";
import { s7 } from "./s7.ts";
import type { Scenario } from "./scenario.ts";
import { start } from "./start.ts";
import { tcp } from "./tcp.ts";
import { threads } from "./threads.ts";

const SCENARIOS: readonly Scenario[] = [
  accept,
  s2,
  s3,
  s5,
  s6,
  s7,
  tcp,
  start,
  failure,
  churn,
  threads,
  plain,
];

/** The scenarios asked for, in the order of the list above. Throws on an unknown name. */
export function chooseScenarios(options: BenchOptions): readonly Scenario[] {
  const names = options.scenarios;
  const known = SCENARIOS.map((scenario) => scenario.id);
  const unknown = names.find((name) => name !== "all" && !known.includes(name));
  if (unknown !== undefined)
    throw new Error(`no scenario "${unknown}"; there are ${known.join(", ")}`);
  return SCENARIOS.filter((scenario) => names.includes("all") || names.includes(scenario.id));
}
