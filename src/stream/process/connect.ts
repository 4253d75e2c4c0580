/** The start of a manager: its store and its transport are asked to begin, one after the other. */
import type { Report } from '../interfaces/report.js';
import type { Parts } from './parts.js';

/**
 * @param throwIfClosed throws when the manager was closed meanwhile: nothing may begin behind a close
 * @throws what the store or the transport threw
 */
export async function connect(
  { store, transport, watches }: Pick<Parts, 'store' | 'transport' | 'watches'>,
  report: Report,
  throwIfClosed: () => void,
): Promise<void> {
  await store.start(report).catch((error: unknown) => {
    watches.store.failed(error);
    throw error;
  });
  watches.store.answered();
  throwIfClosed();
  await transport.start();
  throwIfClosed();
}
