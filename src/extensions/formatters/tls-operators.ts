/** Commands about TLS. Plain connections have no values; TLS connections are not supported yet. */
import { TextCommand } from "./command.ts";
import type { Operator, OperatorTable } from "./operator.ts";

const NONE: Operator = {
  parameters: "none",
  truncates: false,
  create: () => new TextCommand(() => null),
};
/** Takes a time format. */
const NO_TIME: Operator = { ...NONE, parameters: "optional" };

const NAMES: readonly string[] = [
  ...["CIPHER", "VERSION", "SESSION_ID"].flatMap((name) => [
    `DOWNSTREAM_TLS_${name}`,
    `UPSTREAM_TLS_${name}`,
  ]),
  ...["SUBJECT", "ISSUER", "CERT", "URI_SAN", "DNS_SAN", "IP_SAN"].flatMap((name) => [
    `DOWNSTREAM_PEER_${name}`,
    `UPSTREAM_PEER_${name}`,
  ]),
  ...["SUBJECT", "URI_SAN", "DNS_SAN", "IP_SAN", "EMAIL_SAN", "OTHERNAME_SAN"].map(
    (name) => `DOWNSTREAM_LOCAL_${name}`,
  ),
  ...["URI_SAN", "DNS_SAN", "IP_SAN"].map((name) => `UPSTREAM_LOCAL_${name}`),
  ...["SERIAL", "FINGERPRINT_256", "FINGERPRINT_1", "EMAIL_SAN", "OTHERNAME_SAN"].map(
    (name) => `DOWNSTREAM_PEER_${name}`,
  ),
  ...["FINGERPRINTS_256", "FINGERPRINTS_1", "SERIALS"].map(
    (name) => `DOWNSTREAM_PEER_CHAIN_${name}`,
  ),
  "TLS_JA3_FINGERPRINT",
  "TLS_JA4_FINGERPRINT",
];

const TIMES: readonly string[] = ["DOWNSTREAM", "UPSTREAM"].flatMap((side) => [
  `${side}_PEER_CERT_V_START`,
  `${side}_PEER_CERT_V_END`,
]);

export const TLS_OPERATORS: OperatorTable = {
  ...Object.fromEntries(NAMES.map((name) => [name, NONE])),
  ...Object.fromEntries(TIMES.map((name) => [name, NO_TIME])),
};
