// hot: per request
/**
 * Commands that measure: whole milliseconds between two points of a stream, rounded down. Envoy:
 * `CommonDurationFormatter` (source/common/formatter/stream_info_formatter.cc).
 */
import { nearestName } from "../../base/nearest-name.ts";
import type { StreamInfo } from "../../network/stream-info.ts";
import type { FormatterContext } from "../../route/formatter.ts";
import { type Command, NumberCommand } from "./command.ts";
import { numberOperator, type OperatorCall, type OperatorTable } from "./operator.ts";

/** Monotonic ms of a point; negative while it has not been reached. */
type Point = (info: StreamInfo) => number;

const start: Point = (info) => info.startMs;
const downstreamRxEnd: Point = (info) => info.downstreamRxEndMs;
const upstreamTxEnd: Point = (info) => info.upstreamTxEndMs;
const upstreamRxStart: Point = (info) => info.upstreamRxStartMs;
const downstreamTxEnd: Point = (info) => info.downstreamTxEndMs;
const never: Point = () => -1;

const POINTS: Readonly<Record<string, Point>> = {
  DS_RX_BEG: start,
  DS_RX_END: downstreamRxEnd,
  US_CX_BEG: (info) => info.upstreamConnectStartMs,
  US_CX_END: (info) => info.upstreamConnectEndMs,
  // The end of a TLS handshake; plain connections have none.
  US_HS_END: never,
  US_TX_BEG: (info) => info.upstreamTxStartMs,
  US_TX_END: upstreamTxEnd,
  US_RX_BEG: upstreamRxStart,
  US_RX_BODY_BEG: (info) => info.upstreamRxBodyStartMs,
  US_RX_END: (info) => info.upstreamRxEndMs,
  DS_TX_BEG: (info) => info.downstreamTxStartMs,
  DS_TX_END: downstreamTxEnd,
};

/** For remedies. */
const POINT_NAMES: readonly string[] = [
  "DS_RX_BEG",
  "DS_RX_END",
  "US_CX_BEG",
  "US_CX_END",
  "US_HS_END",
  "US_TX_BEG",
  "US_TX_END",
  "US_RX_BEG",
  "US_RX_BODY_BEG",
  "US_RX_END",
  "DS_TX_BEG",
  "DS_TX_END",
];

const PER_MS: Readonly<Record<string, number>> = { ms: 1, us: 1e3, ns: 1e6 };

function between(
  from: Point,
  to: Point,
  perMs: number,
): (context: FormatterContext) => number | null {
  return ({ streamInfo }) => {
    const begin = from(streamInfo);
    const end = to(streamInfo);
    return begin < 0 || end < begin ? null : Math.floor((end - begin) * perMs);
  };
}

function duration({ streamInfo, nowMs }: FormatterContext): number {
  const end = streamInfo.endMs < 0 ? nowMs : streamInfo.endMs;
  return Math.floor(end - streamInfo.startMs);
}

function commonDuration({ parameters, context }: OperatorCall): Command | null {
  const [from = "", to = "", precision = "ms", ...rest] = parameters.split(":");
  const perMs = PER_MS[precision];
  if (rest.length > 0 || from === "" || to === "" || perMs === undefined) {
    return context.error(
      `COMMON_DURATION does not know (${parameters})`,
      "write START:END or START:END:ms|us|ns",
    );
  }
  return new NumberCommand(between(point(from, context), point(to, context), perMs));
}

/** Other names are points that filters of Envoy may set; none of ours does. */
function point(name: string, context: OperatorCall["context"]): Point {
  const known = POINTS[name];
  if (known !== undefined) return known;
  const nearest = nearestName(name, POINT_NAMES);
  context.warn(
    `No filter here sets the time point ${name}: the duration is never known`,
    nearest === null ? "" : `use ${nearest}`,
  );
  return never;
}

export const DURATION_OPERATORS: OperatorTable = {
  DURATION: numberOperator(duration),
  REQUEST_DURATION: numberOperator(between(start, downstreamRxEnd, 1)),
  REQUEST_TX_DURATION: numberOperator(between(start, upstreamTxEnd, 1)),
  RESPONSE_DURATION: numberOperator(between(start, upstreamRxStart, 1)),
  RESPONSE_TX_DURATION: numberOperator(between(upstreamRxStart, downstreamTxEnd, 1)),
  UPSTREAM_CONNECTION_POOL_READY_DURATION: numberOperator(
    between(start, (info) => info.upstreamPoolReadyMs, 1),
  ),
  // Client TLS and QUIC only.
  DOWNSTREAM_HANDSHAKE_DURATION: numberOperator(() => null),
  ROUNDTRIP_DURATION: numberOperator(() => null),
  COMMON_DURATION: { parameters: "required", truncates: false, create: commonDuration },
};
