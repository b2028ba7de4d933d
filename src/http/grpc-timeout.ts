/** The `grpc-timeout` header: up to eight digits and a unit (gRPC over HTTP/2, "Timeout"). */

const UNIT_MS: Readonly<Record<string, number>> = {
  H: 3_600_000,
  M: 60_000,
  S: 1000,
  m: 1,
  u: 1e-3,
  n: 1e-6,
};

/** Milliseconds, rounded up; −1 when absent or malformed. */
export function parseGrpcTimeoutMs(text: string): number {
  const match = /^(\d{1,8})([HMSmun])$/.exec(text);
  return match === null
    ? -1
    : Math.ceil(Number(match[1]) * (UNIT_MS[match[2] as string] as number));
}
