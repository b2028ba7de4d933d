// What an example promises, as data: steps that are played in order on a running proxy. Wherever a
// text is expected, a string must be equal and a pattern must match.

export type Expected = string | RegExp;

/** Where a client connects: the first listener of the file, from 127.0.0.1, unless said. */
interface ClientStep {
  readonly listener?: string;
  /** Source address. */
  readonly from?: string;
  /** Play the step again until it holds: what it waits for takes time. */
  readonly eventually?: true;
}

/** One request through the proxy. */
export interface RequestStep extends ClientStep {
  /** `GET /path`. */
  readonly request: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly status: number;
  readonly answer?: Expected;
  /** Null: the header must be absent. */
  readonly answerHeaders?: Readonly<Record<string, Expected | null>>;
}

/** Many requests or connections: how many answers contain each word. */
export interface SpreadStep extends ClientStep {
  readonly spread: string;
  readonly kind: "http" | "tcp";
  readonly times: number;
  readonly counts: Readonly<Record<string, readonly [least: number, most: number]>>;
}

/** One connection of bytes. */
export interface BytesStep extends ClientStep {
  /** Characters are bytes. */
  readonly send: string;
  /** What comes back, up to and including this text, or all of it when a pattern is given. */
  readonly receive: Expected;
  /** Sent once the answer is here, and what is to come back then. */
  readonly thenSend?: string;
  readonly thenReceive?: string;
  /** The proxy ends the connection. */
  readonly ends?: true;
  /** The connection stays open until the end of the example. */
  readonly keep?: true;
}

/** A page of the admin interface. */
export interface AdminStep {
  readonly admin: string;
  readonly matches?: RegExp;
  readonly lacks?: RegExp;
  readonly status?: number;
}

/** A line of an access log, wherever it goes. */
export interface LogStep {
  readonly log: RegExp;
}

/** Replaces text of a file of the example, and moves the new file into its place. */
export interface EditStep {
  readonly edit: string;
  readonly replace: string;
  readonly by: string;
}

export type Step = RequestStep | SpreadStep | BytesStep | AdminStep | LogStep | EditStep;

export interface Expectation {
  /** Folder under `examples/`. */
  readonly example: string;
  readonly steps: readonly Step[];
}
