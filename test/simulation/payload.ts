// Bodies that tell whose they are: every byte of a body repeats the id of its request, so that a
// byte in the wrong place shows.

export type Direction = "request" | "response";

function pattern(direction: Direction, id: number): string {
  return `${direction === "request" ? "q" : "p"}${id}.`;
}

export function bodyOf(direction: Direction, id: number, length: number): string {
  const unit = pattern(direction, id);
  return unit.repeat(Math.ceil(length / unit.length)).slice(0, length);
}

/**
 * Where `text` differs from what stands at `offset` of the body of this id; "" when it does not.
 */
export function foreignBytes(
  direction: Direction,
  id: number,
  offset: number,
  text: string,
): string {
  const unit = pattern(direction, id);
  const start = offset % unit.length;
  const expected = bodyOf(direction, id, start + text.length).slice(start);
  if (expected === text) return "";
  let at = 0;
  while (expected[at] === text[at]) at++;
  const shown = JSON.stringify(text.slice(Math.max(0, at - 10), at + 40));
  return `${shown}, byte ${offset + at}`;
}
