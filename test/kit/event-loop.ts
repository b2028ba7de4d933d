// Waiting on the real event loop without sleeping: turns of the loop until a condition holds.

const TURNS_MAX = 200_000;

/** Lets the event loop turn until the condition holds; fails after many turns. */
export async function turnsUntil(condition: () => boolean): Promise<void> {
  for (let turns = 0; !condition(); turns++) {
    if (turns === TURNS_MAX) throw new Error(`still waiting after ${TURNS_MAX} turns`);
    await loopTurn();
  }
}

/** Gives everything that is under way on loopback the turns it needs. */
export async function settleLoop(): Promise<void> {
  for (let turns = 0; turns < 40; turns++) await loopTurn();
}

function loopTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
