// hot: per byte
/**
 * Character classes of HTTP/1 as lookup tables: 1 where a byte may stand. RFC 9110 §5.6.2, §5.5;
 * RFC 9112 §3.2.
 */

function table(allowed: (code: number) => boolean): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, code) => (allowed(code) ? 1 : 0));
}

const TOKEN_PUNCTUATION = "!#$%&'*+-.^_`|~";

function isAlphanumeric(code: number): boolean {
  return /^[0-9A-Za-z]$/.test(String.fromCharCode(code));
}

/** tchar: what header names and methods are made of. */
export const TOKEN: Uint8Array = table(
  (code) => isAlphanumeric(code) || TOKEN_PUNCTUATION.includes(String.fromCharCode(code)),
);

/** field-content: visible characters, obs-text, space and tab. */
export const FIELD_VALUE: Uint8Array = table((code) => code === 9 || (code >= 32 && code !== 127));

/** A request target: visible ASCII. Anything else must be percent-encoded (RFC 3986). */
export const TARGET: Uint8Array = table((code) => code > 32 && code < 127);

/**
 * The lower-case form of a token byte, 0 for bytes that no token may hold: check and fold in one
 * look.
 */
export const TOKEN_LOWER: Uint8Array = Uint8Array.from({ length: 256 }, (_, code) =>
  TOKEN[code] === 0 ? 0 : code >= 65 && code <= 90 ? code + 32 : code,
);

/** Upper-case ASCII letters mapped to lower case, everything else to itself. */
export const LOWER: Uint8Array = Uint8Array.from({ length: 256 }, (_, code) =>
  code >= 65 && code <= 90 ? code + 32 : code,
);

/** Value of a hexadecimal digit, 255 for anything else. */
export const HEX: Uint8Array = Uint8Array.from({ length: 256 }, (_, code) => {
  const value = Number.parseInt(String.fromCharCode(code), 16);
  return Number.isNaN(value) ? 255 : value;
});

export const CR = 13;
export const LF = 10;
export const SP = 32;
export const HTAB = 9;
export const COLON = 58;
