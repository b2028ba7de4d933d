// Shares of traffic by active health: priorities, panic, degraded and excluded hosts. Every host is
// checked once, at the start.
import { reply, type UpstreamReply } from "../../kit/scripted-upstream.ts";
import { balancingGroup, type Locality, localities } from "../balancing-bootstrap.ts";
import type { Message } from "../bootstrap.ts";
import { type DifferentialGroup, get } from "../case.ts";
import type { DistributionCase } from "../distribution.ts";

const NEVER = "3600s";

/** What each upstream answers to its checks. */
const ANSWERS: Readonly<Record<string, UpstreamReply>> = {
  good1: reply(200),
  good2: reply(200),
  bad1: reply(503),
  bad2: reply(503),
  lesser1: reply(200, "", ["x-envoy-degraded: 1"]),
  gone1: reply(503, "", ["x-envoy-immediate-health-check-fail: 1"]),
};

interface Mix {
  readonly name: string;
  readonly fact: string;
  /** Names of upstreams by priority. */
  readonly priorities: readonly (readonly string[])[];
  readonly shares: Readonly<Record<string, number>>;
  readonly cluster?: Message;
}

const CALM: Message = { common_lb_config: { healthy_panic_threshold: { value: 0 } } };

const MIXES: readonly Mix[] = [
  {
    name: "half",
    fact: "half of the first priority carries 70 %",
    priorities: [["good1", "bad1"], ["good2"]],
    shares: { good1: 70, good2: 30 },
  },
  {
    name: "third",
    fact: "a third of it carries 46 %",
    priorities: [["good1", "bad1", "bad2"], ["good2"]],
    shares: { good1: 46, good2: 54 },
  },
  {
    name: "panic",
    fact: "below half of all hosts a lone priority panics: all get the same",
    priorities: [["good1", "bad1", "bad2"]],
    shares: { good1: 1, bad1: 1, bad2: 1 },
  },
  {
    name: "calm",
    fact: "with a panic threshold of 0 the healthy host gets everything",
    priorities: [["good1", "bad1", "bad2"]],
    shares: { good1: 1 },
    cluster: CALM,
  },
  {
    name: "lost",
    fact: "all priorities failing: traffic follows the number of hosts",
    priorities: [["bad1"], ["bad2", "gone1"]],
    shares: { bad1: 34, bad2: 33, gone1: 33 },
  },
  {
    name: "degraded",
    fact: "degraded hosts take what healthy ones cannot",
    priorities: [["good1", "lesser1"]],
    shares: { good1: 70, lesser1: 30 },
  },
  {
    name: "tiers",
    fact: "healthy hosts of the next priority come before degraded ones of the first",
    priorities: [
      ["lesser1", "bad1"],
      ["good1", "bad2"],
    ],
    shares: { good1: 70, lesser1: 30 },
  },
  {
    name: "excluded",
    fact: "an excluded host counts in no total, so two thirds failing is no panic",
    priorities: [["good1", "bad1", "gone1"], ["good2"]],
    shares: { good1: 70, good2: 30 },
  },
];

function clusterOf({ name, priorities, cluster = {} }: Mix): Message {
  const list = priorities.map(
    (names, priority): Locality => ({
      priority,
      members: names.map((upstream) => ({ upstream })),
    }),
  );
  const check = {
    timeout: NEVER,
    interval: NEVER,
    no_traffic_interval: NEVER,
    unhealthy_threshold: 1,
    healthy_threshold: 1,
    http_health_check: { path: "/hc" },
  };
  return localities(name, list, { health_checks: [check], ...cluster });
}

const distributions: readonly DistributionCase[] = MIXES.map(({ name, fact, shares }) => ({
  name: `${name}: ${fact}`,
  on: "main",
  request: get(`/${name}`),
  requests: 8_000,
  shares,
}));

const group = balancingGroup("health-check-shares", MIXES.map(clusterOf), distributions);

export const healthCheckShares: DifferentialGroup = {
  ...group,
  standing: Object.fromEntries(
    Object.entries(ANSWERS).map(([name, answer]) => [
      name,
      { checks: { path: "/hc", replies: [answer] } },
    ]),
  ),
};
