/**
 * Which filter chain serves a connection. Implemented by the match algorithm and by the matcher
 * tree.
 */
import type { StreamInfo } from "./stream-info.ts";

/** No chain and no default chain: the connection is closed. */
export const NO_CHAIN = -1;

export interface FilterChainSelector {
  /**
   * Index in `ListenerConfig.filterChains`, or that list's length for the default chain, or
   * `NO_CHAIN`.
   */
  select(streamInfo: StreamInfo): number;
}

/** One chain without conditions. */
export class FixedSelector implements FilterChainSelector {
  private readonly index: number;

  constructor(index: number) {
    this.index = index;
  }

  select(): number {
    return this.index;
  }
}
