// hot: per request
/**
 * Name and port that filter state gives to the dynamic forward proxy. Envoy:
 * `envoy.upstream.dynamic_host`, `envoy.upstream.dynamic_port`.
 */
import type { StreamInfo } from "../../../network/stream-info.ts";
import { DEFAULT_PORT } from "./dns-cache.ts";

const HOST_KEY = "envoy.upstream.dynamic_host";
const PORT_KEY = "envoy.upstream.dynamic_port";
const PORT_MAX = 65535;

export function dynamicHost(streamInfo: StreamInfo): string | undefined {
  return streamInfo.filterState(HOST_KEY)?.serializeAsString();
}

/** 80 unless filter state holds a port. */
export function dynamicPort(streamInfo: StreamInfo): number {
  const state = streamInfo.filterState(PORT_KEY);
  const port = state === undefined ? 0 : Number(state.serializeAsString());
  return Number.isInteger(port) && port > 0 && port <= PORT_MAX ? port : DEFAULT_PORT;
}
