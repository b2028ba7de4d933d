// All groups of the differential suite, slowest first so that two at a time finish together.
import type { DifferentialGroup } from "./case.ts";
import { hcmAddresses } from "./cases/hcm-addresses.ts";
import { hcmPaths } from "./cases/hcm-paths.ts";
import { headerMatch } from "./cases/header-match.ts";
import { headerMutations } from "./cases/header-mutations.ts";
import { routeActions } from "./cases/route-actions.ts";
import { routeMatch } from "./cases/route-match.ts";
import { virtualHosts } from "./cases/virtual-hosts.ts";

export const groups: readonly DifferentialGroup[] = [
  hcmAddresses,
  hcmPaths,
  virtualHosts,
  headerMatch,
  routeMatch,
  routeActions,
  headerMutations,
];
