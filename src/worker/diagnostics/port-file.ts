/**
 * The file in which a hook finds the control server: its port, in one line, for this user alone. Replaced as a whole, so nobody
 * reads half a number; taken away by the server that wrote it, and not when another has come since.
 */
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { systemEntropy } from '../../clock.js';

export class PortFile {
  readonly #file: string;
  #written: string | undefined;

  constructor(file: string) {
    this.#file = resolve(file);
  }

  async write(port: number): Promise<void> {
    const part = `${this.#file}.${systemEntropy.id()}`;
    const text = `${port}\n`;
    await mkdir(dirname(this.#file), { recursive: true, mode: 0o700 });
    try {
      const opened = await open(part, 'wx', 0o600);
      await opened.writeFile(text).finally(() => opened.close());
      await rename(part, this.#file);
    } catch (error) {
      await rm(part, { force: true });
      throw error;
    }
    this.#written = text;
  }

  async remove(): Promise<void> {
    if (this.#written === undefined || (await this.#read()) !== this.#written) return;
    await rm(this.#file, { force: true });
  }

  async #read(): Promise<string | undefined> {
    try {
      return await readFile(this.#file, 'utf8');
    } catch {
      return undefined; // one that can't be read is none of ours
    }
  }
}
