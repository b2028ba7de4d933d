// hot: per request
/**
 * Commands that read metadata and filter state. Envoy: `MetadataFormatter`, `FilterStateFormatter`.
 */
import { toByteString } from "../../base/byte-string.ts";
import { nearestName } from "../../base/nearest-name.ts";
import type { Metadata, StreamInfo } from "../../network/stream-info.ts";
import { type Command, TextCommand, ValueCommand, type ValueReader } from "./command.ts";
import {
  type Operator,
  type OperatorCall,
  type OperatorTable,
  textWithParameters,
  valueWithParameters,
} from "./operator.ts";

type MetadataOf = (info: StreamInfo) => Metadata | null | undefined;

const SOURCES: Readonly<Record<string, MetadataOf>> = {
  DYNAMIC: (info) => info.allMetadata,
  CLUSTER: (info) => info.cluster?.metadata,
  ROUTE: (info) => info.route?.metadata,
  UPSTREAM_HOST: (info) => info.upstream?.metadata,
  VIRTUAL_HOST: (info) => info.route?.virtualHostMetadata,
  LISTENER: (info) => info.connection.listenerMetadata,
  LISTENER_FILTER_CHAIN: (info) => info.connection.filterChainMetadata,
};

/** For remedies. */
const SOURCE_NAMES: readonly string[] = [
  "DYNAMIC",
  "CLUSTER",
  "ROUTE",
  "UPSTREAM_HOST",
  "VIRTUAL_HOST",
  "LISTENER",
  "LISTENER_FILTER_CHAIN",
];

/** `namespace:key:subkey…`; the namespace alone gives everything under it. */
function readPath(metadataOf: MetadataOf, path: readonly string[]): ValueReader {
  const [namespace = "", ...keys] = path;
  return ({ streamInfo }) => {
    let value: unknown = metadataOf(streamInfo)?.[namespace];
    for (let index = 0; index < keys.length && value !== undefined; index++)
      value = member(value, keys[index]!);
    return value;
  };
}

function member(value: unknown, key: string): unknown {
  const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
  return isObject && Object.hasOwn(value, key)
    ? (value as Record<string, unknown>)[key]
    : undefined;
}

function metadataOperator(metadataOf: MetadataOf, truncates: boolean): Operator {
  const operator = valueWithParameters(({ parameters }) =>
    readPath(metadataOf, parameters.split(":")),
  );
  return { ...operator, truncates };
}

function typedMetadata({ parameters, context }: OperatorCall): ValueReader | null {
  const [type = "", ...path] = parameters.split(":");
  const source = SOURCES[type];
  if (source === undefined || path.length === 0) {
    const nearest = nearestName(type, SOURCE_NAMES);
    return context.error(
      `METADATA does not know (${parameters})`,
      nearest === null
        ? `write TYPE:namespace:key with TYPE one of ${SOURCE_NAMES.join(", ")}`
        : `use ${nearest}:namespace:key`,
    );
  }
  return readPath(source, path);
}

/** `key:PLAIN`, `key:TYPED`, `key:FIELD:name`; TYPED is the default. */
function filterState({ parameters, context }: OperatorCall): Command | null {
  const [key = "", form = "TYPED", field = "", ...rest] = parameters.split(":");
  if (
    key === "" ||
    rest.length > 0 ||
    !["PLAIN", "TYPED", "FIELD"].includes(form) ||
    (form === "FIELD") === (field === "")
  ) {
    return context.error(
      `FILTER_STATE does not know (${parameters})`,
      "write key:PLAIN, key:TYPED or key:FIELD:name",
    );
  }
  if (form === "PLAIN") return new TextCommand(({ streamInfo }) => plainState(streamInfo, key));
  if (form === "FIELD")
    return new ValueCommand(({ streamInfo }) => streamInfo.filterState(key)?.field?.(field));
  return new ValueCommand(({ streamInfo }) => streamInfo.filterState(key)?.serializeAsString());
}

function plainState(info: StreamInfo, key: string): string | null {
  const state = info.filterState(key);
  return state === undefined ? null : toByteString(state.serializeAsString());
}

const FILTER_STATE: Operator = { parameters: "required", truncates: true, create: filterState };

export const METADATA_OPERATORS: OperatorTable = {
  DYNAMIC_METADATA: metadataOperator(SOURCES["DYNAMIC"]!, true),
  CLUSTER_METADATA: metadataOperator(SOURCES["CLUSTER"]!, false),
  UPSTREAM_METADATA: metadataOperator(SOURCES["UPSTREAM_HOST"]!, false),
  METADATA: valueWithParameters(typedMetadata),
  FILTER_STATE,
  // Filter state of upstream connections: nothing here puts any there.
  UPSTREAM_FILTER_STATE: textWithParameters(() => () => null),
};
