// The proxy_protocol listener filter: versions 1 and 2, TLVs, malformed headers.
import { any, bootstrap, hcm, jsonLog, listener, type Message, ROUTER } from "../bootstrap.ts";
import {
  closed,
  type DifferentialCase,
  type DifferentialGroup,
  exchange,
  get,
  pause,
  response,
  send,
} from "../case.ts";

const listenerFilter = (short: string, type: string, fields: Message = {}): Message => ({
  name: `envoy.filters.listener.${short}`,
  typed_config: any(`envoy.extensions.filters.listener.${type}`, fields),
});

const tcpLog = { access_log: [jsonLog()] };

const v2 = (command: number, family: number, body: Buffer): string =>
  Buffer.concat([
    Buffer.from("0d0a0d0a000d0a515549540a", "hex"),
    Buffer.from([command, family, body.length >> 8, body.length & 0xff]),
    body,
  ]).toString("latin1");

const V2_IPV4 = Buffer.from("0a0000010a00000204d20050", "hex");

const V2_IPV6 = Buffer.concat([
  Buffer.alloc(15),
  Buffer.from([1]),
  Buffer.alloc(15),
  Buffer.from([2, 4, 0xd2, 0, 80]),
]);

const TLV = Buffer.from("0200056161616161e000026162", "hex");

const proxyCases: readonly DifferentialCase[] = [
  exchange("proxy v1 TCP4", "proxy", `PROXY TCP4 1.2.3.4 5.6.7.8 1111 2222\r\n${get("/")}`),
  exchange("proxy v1 TCP6", "proxy", `PROXY TCP6 1:2::3 4::5 1111 2222\r\n${get("/")}`),
  exchange("proxy v1 UNKNOWN", "proxy", `PROXY UNKNOWN\r\n${get("/")}`),
  exchange(
    "proxy v1 UNKNOWN with addresses",
    "proxy",
    `PROXY UNKNOWN 1.1.1.1 2.2.2.2 1 2\r\n${get("/")}`,
  ),
  {
    name: "proxy v1 in pieces",
    on: "proxy",
    steps: [
      send("PROXY TCP4 1.2.3.4 5.6"),
      pause(20),
      send(`.7.8 1111 2222\r\n${get("/")}`),
      response,
    ],
  },
  ...[
    ["without addresses", "PROXY TCP4\r\n"],
    ["with bad addresses", "PROXY TCP4 a b 1 2\r\n"],
    ["with a bad port", "PROXY TCP4 1.2.3.4 5.6.7.8 1111 99999\r\n"],
    ["with mixed families", "PROXY TCP4 1.2.3.4 ::1 1 2\r\n"],
    ["with an unknown family", "PROXY UDP4 1.2.3.4 5.6.7.8 1 2\r\n"],
    ["that is too long", `PROXY TCP4 ${"1".repeat(120)}\r\n`],
    ["with LF only", "PROXY TCP4 1.2.3.4 5.6.7.8 1111 2222\n"],
  ].map(
    ([what, line]): DifferentialCase => ({
      name: `proxy v1 ${what}`,
      on: "proxy-logged",
      steps: [send(line + get("/")), closed],
    }),
  ),
  { name: "no proxy header", on: "proxy-logged", steps: [send(get("/")), closed] },
  exchange("no proxy header where it may be absent", "proxy-optional", get("/")),
  exchange(
    "a proxy header where it may be absent",
    "proxy-optional",
    `PROXY TCP4 1.2.3.4 5.6.7.8 1111 2222\r\n${get("/")}`,
  ),
  exchange("proxy v2 IPv4", "proxy", v2(0x21, 0x11, V2_IPV4) + get("/")),
  exchange("proxy v2 IPv6", "proxy", v2(0x21, 0x21, V2_IPV6) + get("/")),
  exchange("proxy v2 LOCAL", "proxy", v2(0x20, 0x00, Buffer.alloc(0)) + get("/")),
  exchange(
    "proxy v2 with TLVs",
    "proxy-tlv",
    v2(0x21, 0x11, Buffer.concat([V2_IPV4, TLV])) + get("/"),
  ),
  {
    name: "proxy v2 with a bad version",
    on: "proxy-logged",
    steps: [send(v2(0x11, 0x11, V2_IPV4) + get("/")), closed],
  },
  {
    name: "proxy v2 with a bad command",
    on: "proxy-logged",
    steps: [send(v2(0x2f, 0x11, V2_IPV4) + get("/")), closed],
  },
  {
    name: "proxy v2 with a short body",
    on: "proxy-logged",
    steps: [send(v2(0x21, 0x11, V2_IPV4.subarray(0, 8)) + get("/")), closed],
  },
  {
    name: "proxy v2 where only v1 is allowed",
    on: "proxy-v1",
    steps: [send(v2(0x21, 0x11, V2_IPV4) + get("/")), closed],
    logs: 0,
  },
  {
    name: "the listener logs the connection after the request",
    on: "proxy-logged",
    steps: [
      send(`PROXY TCP4 1.2.3.4 5.6.7.8 1111 2222\r\n${get("/", "connection: close")}`),
      response,
      closed,
    ],
    logs: 2,
  },
  exchange(
    "proxy v1 where only v1 is allowed",
    "proxy-v1",
    `PROXY TCP4 1.2.3.4 5.6.7.8 1111 2222\r\n${get("/")}`,
  ),
];

/** Without x-envoy-upstream-service-time, whose digits would count in the bytes of the log. */
const QUIET_ROUTER: Message = {
  ...ROUTER,
  typed_config: any("envoy.extensions.filters.http.router.v3.Router", {
    suppress_envoy_headers: true,
  }),
};

const proxied = (fields: Message): Message => ({
  listener_filters: [listenerFilter("proxy_protocol", "proxy_protocol.v3.ProxyProtocol", fields)],
});

const tlv = {
  rules: [
    { tlv_type: 2, on_tlv_present: { key: "authority" } },
    { tlv_type: 0xe0, on_tlv_present: { metadata_namespace: "mine", key: "custom" } },
  ],
};

const tlvLog = jsonLog({
  authority: "%DYNAMIC_METADATA(envoy.filters.listener.proxy_protocol:authority)%",
  custom: "%DYNAMIC_METADATA(mine:custom)%",
  remote: "%DOWNSTREAM_REMOTE_ADDRESS%",
  direct_remote: "%DOWNSTREAM_DIRECT_REMOTE_ADDRESS%",
  local: "%DOWNSTREAM_LOCAL_ADDRESS%",
  direct_local: "%DOWNSTREAM_DIRECT_LOCAL_ADDRESS%",
});

export const proxyProtocol: DifferentialGroup = {
  name: "proxy-protocol",
  bootstrap: bootstrap([
    listener("proxy", [hcm()], proxied({})),
    listener("proxy-logged", [hcm({ http_filters: [QUIET_ROUTER] })], {
      ...proxied({}),
      ...tcpLog,
    }),
    listener("proxy-optional", [hcm()], proxied({ allow_requests_without_proxy_protocol: true })),
    listener("proxy-v1", [hcm()], proxied({ disallowed_versions: ["V2"] })),
    listener("proxy-tlv", [hcm({ access_log: [tlvLog] })], proxied(tlv)),
  ]),
  cases: proxyCases,
};
