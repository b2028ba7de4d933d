/**
 * Body bytes of a request, kept for attempts that begin later, and for a redirect. Envoy: the
 * decoding buffer of the router filter.
 */
import type { RouteEntry } from "../../../route/route.ts";
import { answer } from "./replies.ts";
import type { RouterFilter } from "./router-filter.ts";

const EMPTY: Buffer = Buffer.alloc(0);

export interface BodySink {
  sendData(bytes: Buffer, endStream: boolean): void;
}

export class RequestBody {
  bytes = 0;
  private readonly pieces: Buffer[] = [];

  /** `bytes` is borrowed: a copy is kept. */
  add(bytes: Buffer): void {
    if (bytes.length === 0) return;
    this.bytes += bytes.length;
    this.pieces.push(Buffer.from(bytes));
  }

  /** All so far; `endStream` when nothing follows. */
  sendTo(sink: BodySink, endStream: boolean): void {
    const { pieces } = this;
    const last = pieces.length - 1;
    for (let index = 0; index <= last; index++) {
      sink.sendData(pieces[index] as Buffer, endStream && index === last);
    }
    if (last < 0 && endStream) sink.sendData(EMPTY, true);
  }

  /** In one piece; empty when there is none. */
  whole(): Buffer {
    return this.pieces.length === 1 ? (this.pieces[0] as Buffer) : Buffer.concat(this.pieces);
  }
}

/** Later attempts, or a redirect, may need the body: it is kept, up to a limit. */
export function keepBody(router: RouterFilter, entry: RouteEntry): void {
  const { callbacks } = router;
  const streamLimit = callbacks.decoderBufferLimit();
  const own = entry.bodyBufferLimit;
  const limit = own < 0 ? streamLimit : own;
  router.bodyLimit = own < 0 && streamLimit === 0 ? Number.MAX_SAFE_INTEGER : limit;
  if (streamLimit > 0 && limit > streamLimit) callbacks.setDecoderBufferLimit(limit);
  router.body ??= new RequestBody();
  if (router.body.bytes > router.bodyLimit) abandonBody(router);
}

/** False when the request was answered because there is no place for its body. */
export function keepBytes(router: RouterFilter, bytes: Buffer): boolean {
  router.body ??= new RequestBody();
  router.body.add(bytes);
  if (router.cancelWait !== null) {
    pauseWhenFull(router, router.body.bytes);
    return true;
  }
  return router.body.bytes <= router.bodyLimit || abandonBody(router);
}

/** Nobody takes the body yet: what is too much waits with the client. */
function pauseWhenFull(router: RouterFilter, bytes: number): void {
  const limit = router.callbacks.decoderBufferLimit();
  if (router.waitPaused || limit === 0 || bytes <= limit) return;
  router.waitPaused = true;
  router.callbacks.requestReadDisable(true);
}

/** More body than may be kept: what is under way goes on, nothing is tried again. */
function abandonBody(router: RouterFilter): boolean {
  // A redirect that can not be followed any more is not counted.
  if (router.retry !== null) router.clusterInfo.stats.retryOrShadowAbandoned.inc();
  router.body = null;
  router.bodyOverflowed = true;
  router.endRetries();
  if (router.upstream !== null) return true;
  router.cleanUp();
  answer(router, {
    status: 507,
    body: "exceeded request buffer limit while retrying upstream",
    details: "request_payload_exceeded_retry_buffer_limit",
  });
  return false;
}
