// Upgrades and CONNECT over HTTP/1: forwarded, refused, terminated (envoy-semantics 2.11).
import { reply } from "../../kit/scripted-upstream.ts";
import {
  anyHost,
  bootstrap,
  hcm,
  hcmWithHosts,
  listener,
  type Message,
  routeTo,
} from "../bootstrap.ts";
import {
  answers,
  closed,
  type DifferentialCase,
  type DifferentialGroup,
  exchange,
  finish,
  get,
  head,
  response,
  send,
  until,
} from "../case.ts";

const upgrade = (...headers: readonly string[]): string =>
  head("GET /ws HTTP/1.1", "host: a", "connection: Upgrade", "upgrade: websocket", ...headers);

const switching =
  "HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\r\n";

const upgradeCases: readonly DifferentialCase[] = [
  {
    name: "upgrades to WebSocket",
    on: "upgrade",
    steps: [
      send(upgrade("sec-websocket-key: k")),
      response,
      send("ping"),
      until("ping"),
      finish,
      closed,
    ],
    upstreams: { up1: { replies: [{ send: switching, after: "echo" }] } },
  },
  {
    name: "forwards bytes that came with the upgrade",
    on: "upgrade",
    steps: [
      send(upgrade()),
      response,
      send("one"),
      until("one"),
      send("two"),
      until("two"),
      finish,
      closed,
    ],
    upstreams: { up1: { replies: [{ send: `${switching}hello`, after: "echo" }] } },
  },
  exchange("forwards a refused upgrade", "upgrade", upgrade(), answers(reply(403, "no"))),
  exchange(
    "forwards an upgrade answered by 200",
    "upgrade",
    upgrade(),
    answers(reply(200, "plain")),
  ),
  exchange("refuses an upgrade nobody allows", "main", upgrade(), {
    facts: { "log.0.details": '"upgrade_failed"' },
  }),
  exchange(
    "refuses an upgrade that the route forbids",
    "upgrade",
    head("GET /forbidden HTTP/1.1", "host: a", "connection: upgrade", "upgrade: websocket"),
  ),
  exchange(
    "refuses another upgrade type",
    "upgrade",
    head("GET /ws HTTP/1.1", "host: a", "connection: upgrade", "upgrade: other"),
  ),
  exchange(
    "matches the upgrade type in any case",
    "upgrade",
    head("GET /ws HTTP/1.1", "host: a", "connection: upgrade", "upgrade: WebSocket"),
    answers(reply(200)),
  ),
  exchange("serves plain requests on an upgrade route", "upgrade", get("/ws")),
  exchange(
    "upgrades where only the route allows it",
    "main-route",
    head("GET /allowed HTTP/1.1", "host: a", "connection: upgrade", "upgrade: websocket"),
    answers(reply(200, "x")),
  ),
  exchange("refuses CONNECT nobody routes", "main", head("CONNECT b:1 HTTP/1.1", "host: b:1")),
  {
    name: "forwards CONNECT as CONNECT",
    on: "connect",
    steps: [
      send(head("CONNECT b.example:81 HTTP/1.1", "host: b.example:81")),
      until("\r\n\r\n"),
      send("ping"),
      until("ping"),
      finish,
      closed,
    ],
    upstreams: { up1: { replies: [{ send: "HTTP/1.1 200 OK\r\n\r\n", after: "echo" }] } },
  },
  {
    name: "ends CONNECT in a TCP connection",
    on: "connect-tcp",
    steps: [
      send(head("CONNECT b.example:81 HTTP/1.1", "host: b.example:81")),
      until("\r\n\r\n"),
      send("ping"),
      until("ping"),
      finish,
      closed,
    ],
    upstreams: { up1: { tcp: "echo" } },
  },
  {
    name: "answers CONNECT when the TCP upstream refuses",
    on: "connect-refused",
    steps: [send(head("CONNECT b.example:81 HTTP/1.1", "host: b.example:81")), response],
  },
];

const upgradeRoutes: readonly Message[] = [
  routeTo({ prefix: "/forbidden" }, "up1", {
    upgrade_configs: [{ upgrade_type: "websocket", enabled: false }],
  }),
  routeTo({ prefix: "/" }),
];

const connectRoute = (cluster: string, config: Message): Message =>
  routeTo({ connect_matcher: {} }, cluster, {
    upgrade_configs: [{ upgrade_type: "CONNECT", ...config }],
  });

const connectListener = (name: string, cluster: string, config: Message): Message =>
  listener(name, [
    hcmWithHosts([anyHost([connectRoute(cluster, config), routeTo({ prefix: "/" })])], {
      upgrade_configs: [{ upgrade_type: "CONNECT" }],
    }),
  ]);

export const upgrades: DifferentialGroup = {
  name: "upgrades",
  bootstrap: bootstrap([
    listener("main", [hcm()]),
    listener("upgrade", [
      hcmWithHosts([anyHost(upgradeRoutes)], { upgrade_configs: [{ upgrade_type: "websocket" }] }),
    ]),
    listener("main-route", [
      hcmWithHosts([
        anyHost([
          routeTo({ prefix: "/allowed" }, "up1", {
            upgrade_configs: [{ upgrade_type: "websocket" }],
          }),
          routeTo({ prefix: "/" }),
        ]),
      ]),
    ]),
    connectListener("connect", "up1", {}),
    connectListener("connect-tcp", "up1", { connect_config: {} }),
    connectListener("connect-refused", "refused", { connect_config: {} }),
  ]),
  cases: upgradeCases,
};
