/** The `grpc-timeout` header: up to eight digits and a unit (gRPC over HTTP/2, "Timeout"). */

const UNIT_MS: Readonly<Record<string, number>> = {
  H: 3_600_000,
  M: 60_000,
  S: 1000,
  m: 1,
  u: 1e-3,
  n: 1e-6,
};
const LARGEST = 99_999_999;

/** Milliseconds, rounded up; −1 when absent or malformed. */
export function parseGrpcTimeoutMs(text: string | undefined): number {
  const match = /^(\d{1,8})([HMSmun])$/.exec(text ?? "");
  if (match === null) return -1;
  return Math.ceil(Number(match[1]) * (UNIT_MS[match[2] as string] as number));
}

/** Envoy: `Grpc::Common::toGrpcTimeout`. */
export function formatGrpcTimeout(timeoutMs: number): string {
  if (timeoutMs <= LARGEST) return `${timeoutMs}m`;
  const seconds = Math.floor(timeoutMs / 1000);
  if (seconds <= LARGEST) return `${seconds}S`;
  const minutes = Math.floor(seconds / 60);
  if (minutes <= LARGEST) return `${minutes}M`;
  return `${Math.min(LARGEST, Math.floor(minutes / 60))}H`;
}
