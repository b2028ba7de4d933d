// All groups of the differential suite, slowest first so that two at a time finish together.
import type { DifferentialGroup } from "./case.ts";
import { routing } from "./cases/routing.ts";

export const groups: readonly DifferentialGroup[] = [routing];
