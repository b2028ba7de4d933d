// Random cuts and pauses.
import type { SeededRandom } from "../kit/seeded-random.ts";

const PIECES_MAX = 12;

/** The text in 1 … 12 pieces; none is empty. */
export function randomCuts(random: SeededRandom, text: string): string[] {
  const pieces: string[] = [];
  let rest = text;
  while (pieces.length < PIECES_MAX - 1 && rest.length > 1 && random.chance(0.8)) {
    const most = random.chance(0.5) ? Math.min(rest.length, 20) : rest.length;
    const length = 1 + random.below(most - 1 || 1);
    pieces.push(rest.slice(0, length));
    rest = rest.slice(length);
  }
  if (rest !== "") pieces.push(rest);
  return pieces;
}

/** Mostly short, sometimes long enough for a time-out. */
export function randomDelayMs(random: SeededRandom): number {
  if (random.chance(0.5)) return 0;
  if (random.chance(0.8)) return random.below(60);
  return random.below(random.chance(0.7) ? 1500 : 25_000);
}

/** The body in random chunks, sometimes with a trailer. */
export function chunked(random: SeededRandom, body: string): string {
  const chunks = randomCuts(random, body).map(
    (piece) => `${piece.length.toString(16)}\r\n${piece}\r\n`,
  );
  const trailers = random.chance(0.2) ? "x-trailer: t\r\n" : "";
  return `${chunks.join("")}0\r\n${trailers}\r\n`;
}
