/**
 * How figures are taken and told: every contender of a comparison runs in the same process, in an order shuffled for each
 * repetition; a ratio is formed within a repetition, and its median is quoted with its spread. Times of one small machine mean
 * little; ratios mean more.
 */
import { cpus, totalmem } from 'node:os';

const GIB = 1024 ** 3;

/** Runs every contender once per repetition, shuffled; returns each one's results in the order of repetitions. */
export async function repeatShuffled<Name extends string, Result = number>(
  repetitions: number,
  contenders: Record<Name, () => Promise<Result> | Result>,
): Promise<Record<Name, Result[]>> {
  const names = Object.keys(contenders) as Name[];
  const results = Object.fromEntries(names.map((name) => [name, [] as Result[]])) as Record<Name, Result[]>;
  for (let repetition = 0; repetition < repetitions; repetition++) {
    for (const name of shuffle(names)) results[name].push(await contenders[name]());
  }
  return results;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? upper) + upper) / 2;
}

/** `0.52 [0.48..0.61]`: the median of ratios formed repetition by repetition, and their spread. */
export function ratioOf(values: readonly number[], baseline: readonly number[], digits = 2): string {
  const ratios = values.map((value, index) => value / (baseline[index] ?? Number.NaN));
  const [least, most] = [Math.min(...ratios), Math.max(...ratios)];
  return `${median(ratios).toFixed(digits)} [${least.toFixed(digits)}..${most.toFixed(digits)}]`;
}

export function describeMachine(): string {
  const [cpu] = cpus();
  return `${cpus().length} x ${cpu?.model.trim()}, ${(totalmem() / GIB).toFixed(0)} GiB, Node ${process.version}`;
}

/** Heap in use after everything unreachable is gone. */
export function heapUsed(): number {
  if (globalThis.gc === undefined) throw new Error('Run with --expose-gc.');
  for (let pass = 0; pass < 3; pass++) globalThis.gc();
  return process.memoryUsage().heapUsed;
}

function shuffle<Item>(items: readonly Item[]): Item[] {
  const shuffled = [...items];
  for (let last = shuffled.length - 1; last > 0; last--) {
    const other = Math.floor(Math.random() * (last + 1));
    [shuffled[last], shuffled[other]] = [shuffled[other] as Item, shuffled[last] as Item];
  }
  return shuffled;
}
