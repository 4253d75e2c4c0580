/** Programs by their names, as a shell finds them. */
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Undefined when there is no such program on the PATH. */
export function findOnPath(name: string): string | undefined {
  const files = (process.env.PATH ?? '').split(delimiter).map((folder) => join(folder, name));
  return files.find((file) => {
    try {
      accessSync(file, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
