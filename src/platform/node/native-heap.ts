/**
 * Gives free memory of the C heap back to the system: `malloc_trim(3)`, which Node does not offer.
 * The optimising compiler works on threads of its own, and what it took stays in their arenas:
 * with two workers under load 180 MB resident, 133 MB after a call (0.4–1 ms). glibc only.
 */
import { createRequire } from "node:module";

type Trim = (pad: number) => number;

let trim: Trim | null | undefined;

function load(): Trim | null {
  try {
    const koffi = createRequire(import.meta.url)("koffi") as typeof import("koffi");
    return koffi.load(null).func("int malloc_trim(size_t)") as unknown as Trim;
  } catch {
    return null;
  }
}

/** Blocks its thread: not for one that serves. */
export function trimNativeHeap(): void {
  if (trim === undefined) trim = load();
  trim?.(0);
}
