// Virtual hosts and route matching.
import { anyHost, bootstrap, CATCH_ALL, hcmWithHosts, listener } from "../bootstrap.ts";
import { type DifferentialCase, type DifferentialGroup, exchange, get } from "../case.ts";

const cases: readonly DifferentialCase[] = [
  exchange("forwards a plain GET", "main", get("/")),
];

export const routing: DifferentialGroup = {
  name: "routing",
  bootstrap: bootstrap([listener("main", [hcmWithHosts([anyHost([CATCH_ALL])])])]),
  cases,
};
