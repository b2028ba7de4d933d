/**
 * Base64 of `bytes` fields: reads the standard and the URL-safe alphabet, writes the standard one
 * (RFC 4648).
 */

const TEXT = /^[A-Za-z0-9+/_-]*={0,2}$/;

/** null when the text is not base64. Padding may be left out. */
export function parseBase64(text: string): Uint8Array | null {
  if (!TEXT.test(text)) return null;
  const standard = text.replace(/=+$/, "").replaceAll("-", "+").replaceAll("_", "/");
  if (standard.length % 4 === 1) return null;
  const binary = atob(standard);
  const bytes = new Uint8Array(binary.length);
  for (let index = 0; index < binary.length; index++) bytes[index] = binary.charCodeAt(index);
  return bytes;
}

export function base64Text(bytes: Uint8Array): string {
  let binary = "";
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return btoa(binary);
}
