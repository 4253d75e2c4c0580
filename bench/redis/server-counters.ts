/** What Redis counts about itself: processor time, bytes on the wire, calls of each command. */
import type { Redis } from 'ioredis';

export interface Counters {
  readonly cpuMicros: number;
  readonly wireBytes: number;
  readonly calls: ReadonlyMap<string, number>;
}

/** From when it is made; of one server, or of a cluster's nodes together. */
export class ServerCounters {
  readonly #admins: readonly Redis[];
  #cpuBefore = 0;

  constructor(admins: readonly Redis[]) {
    this.#admins = admins;
  }

  async reset(): Promise<void> {
    for (const admin of this.#admins) await admin.config('RESETSTAT');
    this.#cpuBefore = cpuOf(await this.#ask('cpu'));
    for (const admin of this.#admins) await admin.config('RESETSTAT');
  }

  async read(): Promise<Counters> {
    const lines = await this.#ask('all');
    const calls = new Map<string, number>();
    for (const [field, value] of lines) {
      const command = /^cmdstat_(.+)$/.exec(field)?.[1];
      if (command === undefined || command.startsWith('config') || command === 'info') continue;
      calls.set(command, (calls.get(command) ?? 0) + Number(/calls=(\d+)/.exec(value)?.[1] ?? 0));
    }
    return {
      cpuMicros: cpuOf(lines) - this.#cpuBefore,
      wireBytes: sumOf(lines, 'total_net_input_bytes') + sumOf(lines, 'total_net_output_bytes'),
      calls,
    };
  }

  async #ask(section: string): Promise<[string, string][]> {
    const texts = await Promise.all(this.#admins.map((admin) => admin.info(section)));
    return texts
      .flatMap((text) => text.split('\r\n'))
      .map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1)]);
  }
}

function cpuOf(lines: readonly [string, string][]): number {
  return (sumOf(lines, 'used_cpu_user') + sumOf(lines, 'used_cpu_sys')) * 1e6;
}

function sumOf(lines: readonly [string, string][], wanted: string): number {
  return lines.reduce((sum, [field, value]) => (field === wanted ? sum + Number(value) : sum), 0);
}
