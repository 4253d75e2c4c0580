/** A file that is always whole: its next content is on the disk before it has the name, and the name is too before it counts. */
import { open, readFile, rename, stat, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { GenerationJobError } from '../../errors.js';
import { existing, syncFolder } from '../../transcripts/durable-files.js';
import { inTurn, type Turn } from './file-lock.js';

type Change = (text: string) => string | undefined | Promise<string | undefined>;

/** Changes of the files of this process, one after the other for each: between processes, turns are waited for by looking. */
const changing = new Map<string, Promise<unknown>>();

/**
 * Reads a file ('' when it is not there), and replaces it by what `change` makes of it; undefined leaves it as it is. What
 * goes with it is done by `then`, before anybody else may write the file.
 * @throws GenerationJobError `limit_exceeded` for a file beyond `mostBytes`; `unavailable` when others write it all the time
 */
export function changeFile(
  path: string,
  mostBytes: number,
  change: Change,
  then: () => Promise<void> = async () => {},
): Promise<void> {
  return inOrder(path, async (turn) => {
    const after = await change(await readWhole(path, mostBytes));
    if (after !== undefined) {
      checkSize(path, Buffer.byteLength(after), mostBytes);
      await replace(path, after, turn);
    }
    await then();
  });
}

/** Does `work` while nobody else writes the file, here or in another process. @throws GenerationJobError `unavailable` as `inTurn` */
export function inOrder(path: string, work: (turn: Turn) => Promise<void>): Promise<void> {
  const before = changing.get(path) ?? Promise.resolve();
  const ours = before.then(() => inTurn(path, work));
  const settled = ours
    .catch(() => {})
    .then(() => {
      if (changing.get(path) === settled) changing.delete(path);
    });
  changing.set(path, settled);
  return ours;
}

/** Reads a file; '' when it is not there. @throws GenerationJobError `limit_exceeded` beyond `mostBytes` */
export async function readWhole(path: string, mostBytes: number): Promise<string> {
  const found = await existing(stat(path));
  checkSize(path, found?.size ?? 0, mostBytes);
  return (await existing(readFile(path, 'utf8'))) ?? '';
}

async function replace(path: string, text: string, { part, isMine }: Turn): Promise<void> {
  try {
    // Made here, and nothing that somebody has put there is written through.
    const file = await open(part, 'wx', 0o600);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    if (!(await isMine()))
      throw new GenerationJobError('unavailable', `Another writer has taken ${path} over.`);
    await rename(part, path);
  } catch (error) {
    await existing(unlink(part));
    throw error;
  }
  await syncFolder(dirname(path));
}

function checkSize(path: string, bytes: number, mostBytes: number): void {
  if (bytes <= mostBytes) return;
  throw new GenerationJobError(
    'limit_exceeded',
    `The file ${path} would have ${bytes} bytes, beyond ${mostBytes}.`,
  );
}
