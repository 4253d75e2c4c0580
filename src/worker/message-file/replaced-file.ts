/** A file that is always whole: its next content is on the disk before it has the name, and the name is too before it counts. */
import { open, readFile, rename, stat, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { GenerationJobError } from '../../errors.js';
import { existing, syncFolder } from '../../transcripts/durable-files.js';
import { inTurn } from './file-lock.js';

/** Changes of the files of this process, one after the other for each: between processes, turns are waited for by looking. */
const changing = new Map<string, Promise<unknown>>();

/**
 * Reads a file ('' when it is not there), and replaces it by what `change` makes of it; undefined leaves it as it is. Says
 * whether it was replaced.
 * @throws GenerationJobError `limit_exceeded` for a file beyond `mostBytes`; `unavailable` when others write it all the time
 */
export function changeFile(
  path: string,
  mostBytes: number,
  change: (text: string) => string | undefined | Promise<string | undefined>,
): Promise<boolean> {
  const before = changing.get(path) ?? Promise.resolve();
  const ours = before.then(() => changeInTurn(path, mostBytes, change));
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

function changeInTurn(
  path: string,
  mostBytes: number,
  change: (text: string) => string | undefined | Promise<string | undefined>,
): Promise<boolean> {
  return inTurn(path, async ({ part, isMine }) => {
    const after = await change(await readWhole(path, mostBytes));
    if (after === undefined) return false;
    checkSize(path, Buffer.byteLength(after), mostBytes);
    try {
      const file = await open(part, 'w', 0o600);
      try {
        await file.writeFile(after);
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
    return true;
  });
}

function checkSize(path: string, bytes: number, mostBytes: number): void {
  if (bytes <= mostBytes) return;
  throw new GenerationJobError(
    'limit_exceeded',
    `The file ${path} would have ${bytes} bytes, beyond ${mostBytes}.`,
  );
}
