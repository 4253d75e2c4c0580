/** How often chance is tried: as often as said in `npm run test:long`, a twentieth of it elsewhere. */
const LONG_FACTOR = 20;

export function howOften(times: number): number {
  return process.env.LONG_TESTS ? times : Math.ceil(times / LONG_FACTOR);
}
