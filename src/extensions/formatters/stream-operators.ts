// hot: per request
/**
 * Commands that read facts of the stream. Envoy: source/common/formatter/stream_info_formatter.cc.
 */
import { Headers } from "../../codec/header-names.ts";
import type { CompileContext } from "../../config/compile-context.ts";
import { longFlags, shortFlags } from "../../network/response-flags.ts";
import type { StreamInfo } from "../../network/stream-info.ts";
import { type Command, TextCommand, type TextReader } from "./command.ts";
import { numberOperator, type OperatorCall, type OperatorTable, textOperator } from "./operator.ts";

/** Empty means: no value. */
function text(
  read: (info: StreamInfo) => string | null | undefined,
): ReturnType<typeof textOperator> {
  return textOperator(({ streamInfo }) => {
    const value = read(streamInfo);
    return value === "" ? null : value;
  });
}

const number = (read: (info: StreamInfo) => number): ReturnType<typeof numberOperator> =>
  numberOperator(({ streamInfo }) => read(streamInfo));

function responseCodeDetails({ parameters, context }: OperatorCall): Command | null {
  if (parameters !== "" && parameters !== "ALLOW_WHITESPACES") {
    return context.error(
      `RESPONSE_CODE_DETAILS does not know (${parameters})`,
      "use ALLOW_WHITESPACES or nothing",
    );
  }
  const keeps = parameters !== "";
  return new TextCommand(({ streamInfo }) => {
    const details = streamInfo.responseCodeDetails;
    if (details === "") return null;
    return keeps ? details : withoutSpaces(details);
  });
}

function withoutSpaces(details: string): string {
  return details.includes(" ") ? details.replaceAll(" ", "_") : details;
}

/** The address stands in for a host without name. */
function upstreamHostName({ upstream }: StreamInfo): string {
  if (upstream === null) return "";
  return upstream.hostname === "" ? upstream.hostAddress : upstream.hostname;
}

function withoutPort(name: string): string {
  const host = name.replace(PORT, "");
  return host.startsWith("[") ? host.slice(1, -1) : host;
}

const PORT = /:[0-9]+$/;

const readSni: TextReader = ({ streamInfo }) => streamInfo.connection.requestedServerName || null;

const HOST_SOURCES: Readonly<Record<string, TextReader>> = {
  ORIG: ({ requestHeaders }) => requestHeaders?.get(Headers.EnvoyOriginalHost),
  HOST: ({ requestHeaders }) => requestHeaders?.get(Headers.Authority),
  ORIG_OR_HOST: ({ requestHeaders }) =>
    requestHeaders?.get(Headers.EnvoyOriginalHost) ?? requestHeaders?.get(Headers.Authority),
};

/** `REQUESTED_SERVER_NAME(SNI_ONLY|SNI_FIRST|HOST_FIRST:ORIG|HOST|ORIG_OR_HOST)`. */
function requestedServerName({ parameters, context }: OperatorCall): Command | null {
  const [form = "", source = "ORIG_OR_HOST", ...rest] = parameters.split(":");
  const host = HOST_SOURCES[source];
  if (rest.length > 0 || host === undefined) return refuseServerName(parameters, context);
  switch (form) {
    case "":
    case "SNI_ONLY":
      return new TextCommand(readSni);
    case "SNI_FIRST":
      return new TextCommand((at) => readSni(at) ?? host(at));
    case "HOST_FIRST":
      return new TextCommand((at) => host(at) ?? readSni(at));
    default:
      return refuseServerName(parameters, context);
  }
}

function refuseServerName(parameters: string, context: CompileContext): null {
  return context.error(
    `REQUESTED_SERVER_NAME does not know (${parameters})`,
    "use SNI_ONLY, SNI_FIRST or HOST_FIRST, then ORIG, HOST or ORIG_OR_HOST",
  );
}

function uniqueId({ services }: OperatorCall): Command {
  return new TextCommand(() => services.random.uuid());
}

export const STREAM_OPERATORS: OperatorTable = {
  PROTOCOL: text((info) => info.protocol),
  UPSTREAM_PROTOCOL: text((info) => info.upstream?.protocol),
  RESPONSE_CODE: number((info) => info.responseCode),
  RESPONSE_CODE_DETAILS: { parameters: "optional", truncates: false, create: responseCodeDetails },
  CONNECTION_TERMINATION_DETAILS: text((info) => info.connectionTerminationDetails),
  RESPONSE_FLAGS: text((info) => shortFlags(info)),
  RESPONSE_FLAGS_LONG: text((info) => longFlags(info)),
  BYTES_RECEIVED: number((info) => info.bytesReceived),
  BYTES_SENT: number((info) => info.bytesSent),
  // QUIC only.
  BYTES_RETRANSMITTED: number(() => 0),
  PACKETS_RETRANSMITTED: number(() => 0),
  DOWNSTREAM_WIRE_BYTES_RECEIVED: number((info) => info.downstreamWireBytesReceived),
  DOWNSTREAM_WIRE_BYTES_SENT: number((info) => info.downstreamWireBytesSent),
  DOWNSTREAM_HEADER_BYTES_RECEIVED: number((info) => info.downstreamHeaderBytesReceived),
  DOWNSTREAM_HEADER_BYTES_SENT: number((info) => info.downstreamHeaderBytesSent),
  DOWNSTREAM_DECOMPRESSED_HEADER_BYTES_RECEIVED: number(
    (info) => info.downstreamHeaderBytesReceived,
  ),
  DOWNSTREAM_DECOMPRESSED_HEADER_BYTES_SENT: number((info) => info.downstreamHeaderBytesSent),
  UPSTREAM_WIRE_BYTES_RECEIVED: number((info) => info.upstreamWireBytesReceived),
  UPSTREAM_WIRE_BYTES_SENT: number((info) => info.upstreamWireBytesSent),
  UPSTREAM_HEADER_BYTES_RECEIVED: number((info) => info.upstreamHeaderBytesReceived),
  UPSTREAM_HEADER_BYTES_SENT: number((info) => info.upstreamHeaderBytesSent),
  UPSTREAM_DECOMPRESSED_HEADER_BYTES_RECEIVED: number((info) => info.upstreamHeaderBytesReceived),
  UPSTREAM_DECOMPRESSED_HEADER_BYTES_SENT: number((info) => info.upstreamHeaderBytesSent),
  UPSTREAM_HOST_NAME: text(upstreamHostName),
  UPSTREAM_HOST_NAME_WITHOUT_PORT: text((info) => withoutPort(upstreamHostName(info))),
  UPSTREAM_CLUSTER: text((info) => info.cluster?.observabilityName),
  UPSTREAM_CLUSTER_RAW: text((info) => info.cluster?.name),
  UPSTREAM_REQUEST_ATTEMPT_COUNT: number((info) => info.attemptCount),
  UPSTREAM_CONNECTION_ID: number((info) => info.upstream?.connectionId ?? 0),
  UPSTREAM_TRANSPORT_FAILURE_REASON: text((info) =>
    withoutSpaces(info.upstreamTransportFailureReason),
  ),
  DOWNSTREAM_TRANSPORT_FAILURE_REASON: text((info) => info.downstreamTransportFailureReason),
  CONNECTION_ID: number((info) => info.connection.connectionId),
  REQUESTED_SERVER_NAME: { parameters: "optional", truncates: false, create: requestedServerName },
  ROUTE_NAME: text((info) => info.route?.routeName),
  VIRTUAL_CLUSTER_NAME: text((info) => info.virtualClusterName),
  FILTER_CHAIN_NAME: text((info) => info.connection.filterChainName),
  STREAM_ID: text((info) => info.requestId),
  UNIQUE_ID: { parameters: "none", truncates: false, create: uniqueId },
  // Set by tracers and by filters that we do not have yet.
  TRACE_ID: text(() => null),
  CUSTOM_FLAGS: textOperator(() => ""),
  LOCAL_REPLY_BODY: textOperator(({ streamInfo }) => streamInfo.localReplyBody),
  ACCESS_LOG_TYPE: textOperator(({ logType }) => logType),
};
