/**
 * How far a host is with its active health checks, as all data planes see it: the host's word
 * `CheckState` in shared memory.
 */
export const CheckState = {
  /** No data plane has given the host the flags of one that is not checked yet. */
  Unknown: 0,
  Admitted: 1,
  /** A first check has ended. */
  Checked: 2,
  /**
   * A data plane that does not check was told `x-envoy-immediate-health-check-fail`; the one that
   * does has not counted it yet.
   */
  Reported: 3,
} as const;
