/** What configuration may refer to on the machine the proxy runs on. */

/** The bytes of a file, or why it cannot be read (`ENOENT`, `EACCES`, …). */
export type FileContent =
  | { readonly kind: "read"; readonly bytes: Uint8Array }
  | { readonly kind: "failed"; readonly code: string };

export interface HostEnvironment {
  /** "" when unknown. */
  readonly hostname: string;
  /** The machine's own IPv4 address on a network; "127.0.0.1" when it has none. */
  readonly address: string;
  /** An environment variable; undefined when it is not set. */
  variable(name: string): string | undefined;
  /** Reads a small file at once: only while configuration is compiled. */
  readFile(path: string): FileContent;
  /** Why nothing can be appended to a path (`ENOENT`, `EACCES`, `EISDIR`, …); null when it can. */
  appendProblem(path: string): string | null;
  /** Minutes that local time is ahead of UTC at a wall time in ms. */
  readonly utcOffsetMinutes: (wallMs: number) => number;
}
