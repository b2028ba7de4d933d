/** A retry that limits forbade shows in the response flags. */
import { ResponseFlag, type StreamInfo } from "../../../network/stream-info.ts";
import { RETRY_LIMIT_EXCEEDED, RETRY_OVERFLOW } from "./retry-state.ts";

/** True when there would have been a retry. */
export function refused(info: StreamInfo, status: number): boolean {
  if (status === RETRY_OVERFLOW) info.setFlag(ResponseFlag.UpstreamOverflow);
  else if (status === RETRY_LIMIT_EXCEEDED) info.setFlag(ResponseFlag.UpstreamRetryLimitExceeded);
  else return false;
  return true;
}
