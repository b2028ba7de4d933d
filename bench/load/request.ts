// The request every target gets: 11 header fields as a service behind a sidecar sees them, without
// a request id, so that each proxy makes its own.

export interface HeaderField {
  readonly name: string;
  readonly value: string;
}

/** Ten fields beside Host. */
export const REQUEST_HEADERS: readonly HeaderField[] = [
  { name: "User-Agent", value: "outrigger-bench/1.0 (load harness)" },
  { name: "Accept", value: "application/json, text/plain, */*" },
  { name: "Accept-Encoding", value: "gzip, deflate, br" },
  { name: "Accept-Language", value: "en-GB,en;q=0.8,de;q=0.5" },
  { name: "Cache-Control", value: "no-cache" },
  { name: "Referer", value: "http://bench.local/catalogue/items?page=3" },
  { name: "Cookie", value: "session=9f2c1d7a8b6e4f30a1b2c3d4e5f60718; theme=dark" },
  { name: "Authorization", value: "Bearer 0123456789abcdef0123456789abcdef0123456789abcdef" },
  { name: "Traceparent", value: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00" },
  { name: "X-Tenant", value: "bench" },
];

export const HOST = "bench.local";

export interface RequestShape {
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly bodyBytes: number;
  readonly chunked: boolean;
  /** Sends `Connection: close`: a new connection for each request. */
  readonly close: boolean;
}

/** The head of a request; its body follows separately. */
export function requestHead(shape: RequestShape): string {
  const lines = [`${shape.method} ${shape.path} HTTP/1.1`, `Host: ${HOST}`];
  for (const field of REQUEST_HEADERS) lines.push(`${field.name}: ${field.value}`);
  if (shape.chunked) lines.push("Transfer-Encoding: chunked");
  else if (shape.method === "POST") lines.push(`Content-Length: ${shape.bodyBytes}`);
  if (shape.close) lines.push("Connection: close");
  return `${lines.join("\r\n")}\r\n\r\n`;
}

/** A GET for an answer of `bytes` bytes over keep-alive. */
export function getShape(bytes: number): RequestShape {
  return { method: "GET", path: `/bytes/${bytes}`, bodyBytes: 0, chunked: false, close: false };
}
