/**
 * The answer to an HTTP/2 client while only HTTP/1 is served: SETTINGS (RFC 9113 §6.5), then GOAWAY
 * with HTTP_1_1_REQUIRED (§6.8, §7), as latin1 text.
 */

const SETTINGS_FRAME = "\x00\x00\x00\x04\x00\x00\x00\x00\x00";
const GOAWAY_HEADER = "\x00\x00\x08\x07\x00\x00\x00\x00\x00";
const LAST_STREAM_ID = "\x00\x00\x00\x00";
const HTTP_1_1_REQUIRED = "\x00\x00\x00\x0d";

export const HTTP2_GOAWAY: string =
  SETTINGS_FRAME + GOAWAY_HEADER + LAST_STREAM_ID + HTTP_1_1_REQUIRED;
