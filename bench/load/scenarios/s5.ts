// S5: payloads up and down, chunked and with a length (anchors: praxis).
import type { Lab } from "../lab.ts";
import type { RequestShape } from "../request.ts";
import { httpBulkCase, runBulkCases } from "./bulk.ts";
import { type RequestCase, runRequestCases, type Scenario } from "./scenario.ts";

const SIZES: readonly (readonly [string, number])[] = [
  ["0", 0],
  ["1 KB", 1024],
  ["16 KB", 16 * 1024],
  ["64 KB", 64 * 1024],
  ["1 MB", 1024 * 1024],
];
export const BULK_BYTES: number = 100 * 1024 * 1024;

/** A request whose answer has `bytes` bytes. */
export function downShape(bytes: number, chunked: boolean): RequestShape {
  const path = `/${chunked ? "chunked" : "bytes"}/${bytes}`;
  return { method: "GET", path, bodyBytes: 0, chunked: false, close: false };
}

/** A request with a body of `bytes` bytes and an empty answer. */
export function upShape(bytes: number, chunked: boolean): RequestShape {
  return { method: "POST", path: "/bytes/0", bodyBytes: bytes, chunked, close: false };
}

export const s5: Scenario = {
  id: "s5",
  title: "S5 payloads, 16 connections saturated; 100 MB bodies on one connection",
  async run(lab: Lab): Promise<void> {
    // Each direction has its own upstream, so each runs on its own set of processes.
    const sizes = lab.options.quick ? SIZES.filter(([, bytes]) => bytes !== 1024) : SIZES;
    const cases = (
      direction: string,
      shapeOf: (bytes: number) => RequestShape,
    ): readonly RequestCase[] =>
      sizes.map(([size, bytes]) => ({
        name: `${size} ${direction}`,
        shape: shapeOf(bytes),
        connections: 16,
      }));
    const aboveNone = (all: readonly RequestCase[]): readonly RequestCase[] => all.slice(1);
    await runRequestCases(
      lab,
      "s5",
      cases("down", (bytes) => downShape(bytes, false)),
    );
    await runRequestCases(lab, "s5", aboveNone(cases("up", (bytes) => upShape(bytes, false))));
    if (!lab.options.quick) {
      await runRequestCases(lab, "s5", aboveNone(cases("down chunked", (n) => downShape(n, true))));
      await runRequestCases(lab, "s5", aboveNone(cases("up chunked", (n) => upShape(n, true))));
    }
    await runBulkCases(lab, "s5", [
      httpBulkCase(lab, "100 MB down", downShape(BULK_BYTES, false), 3),
      httpBulkCase(lab, "100 MB up", upShape(BULK_BYTES, false), 3),
      httpBulkCase(lab, "100 MB down chunked", downShape(BULK_BYTES, true), 3),
      httpBulkCase(lab, "100 MB up chunked", upShape(BULK_BYTES, true), 3),
    ]);
  },
};
