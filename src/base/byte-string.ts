/**
 * Byte strings: text with one character per byte (ISO 8859-1), the form in which header values and
 * paths travel through the proxy. Configuration is Unicode; it is turned into bytes once, where it
 * is compiled.
 */
import { isAscii } from "./ascii.ts";

/** The UTF-8 bytes of a text, one character per byte. ASCII comes back as it is. */
export function toByteString(text: string): string {
  return isAscii(text) ? text : Buffer.from(text, "utf8").toString("latin1");
}

/** The text that a byte string spells in UTF-8; bad sequences become U+FFFD. */
export function fromByteString(bytes: string): string {
  return isAscii(bytes) ? bytes : Buffer.from(bytes, "latin1").toString("utf8");
}
