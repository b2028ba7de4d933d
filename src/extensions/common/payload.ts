/**
 * Bytes that a health check sends or waits for: hex text or base64 in configuration, and their
 * search in what arrives. Envoy: `PayloadMatcher`
 * (source/common/upstream/health_checker_impl.cc).
 */
import type { CompileContext } from "../../config/compile-context.ts";
import type { HealthCheck_Payload } from "../../proto/generated/envoy/config/core/v3.ts";

const HEX = /^(?:[0-9a-fA-F]{2})+$/;

/** Null after an error was reported. */
export function compilePayload(
  message: HealthCheck_Payload,
  context: CompileContext,
): Buffer | null {
  if (message.binary !== undefined) {
    if (message.binary.length > 0) return Buffer.from(message.binary);
    return context.at("binary").error("The payload is empty", "write at least one byte");
  }
  const text = message.text ?? "";
  if (HEX.test(text)) return Buffer.from(text, "hex");
  return context
    .at("text")
    .error(`invalid hex string '${text}'`, "write bytes as pairs of hex digits, such as 504f4e47");
}

/** Finds payloads in a stream, one after the other, with anything between them. */
export class PayloadSearch {
  private readonly payloads: readonly Buffer[];
  /** The payload looked for now. */
  private index = 0;
  /** Last bytes seen, in which it may have begun. */
  private rest: Buffer = EMPTY;

  constructor(payloads: readonly Buffer[]) {
    this.payloads = payloads;
  }

  /** All of them were found. */
  get found(): boolean {
    return this.index === this.payloads.length;
  }

  /** Takes the next bytes, which may be borrowed. True when all were found. */
  feed(bytes: Buffer): boolean {
    let input = this.rest.length === 0 ? bytes : Buffer.concat([this.rest, bytes]);
    while (this.index < this.payloads.length) {
      const payload = this.payloads[this.index] as Buffer;
      const at = input.indexOf(payload);
      if (at < 0) {
        this.rest = Buffer.from(input.subarray(Math.max(0, input.length - payload.length + 1)));
        return false;
      }
      input = input.subarray(at + payload.length);
      this.index++;
    }
    this.rest = EMPTY;
    return true;
  }

  reset(): void {
    this.index = 0;
    this.rest = EMPTY;
  }
}

const EMPTY: Buffer = Buffer.alloc(0);
