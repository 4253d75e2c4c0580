/**
 * From a command to its reply. Every command runs to its end before the next begins, whichever connection it came from:
 * that is what makes each of them atomic here.
 */
import type { Document } from 'bson';
import { ADMINISTRATION } from './commands-administration.js';
import { GREETING } from './commands-greeting.js';
import { READING } from './commands-reading.js';
import { WRITING } from './commands-writing.js';
import type { Cursors } from './cursors.js';
import { CommandFailure, failedReply } from './errors.js';
import type { Sessions } from './sessions.js';
import type { Storage } from './storage.js';

export interface CommandContext {
  readonly storage: Storage;
  readonly cursors: Cursors;
  readonly sessions: Sessions;
  /** `host:port` */
  readonly address: string;
  /** The set it says to be the only member of, without which drivers retry no writes; undefined for a standalone. */
  readonly replicaSet: string | undefined;
  /** Milliseconds since 1970. */
  now(): number;
}

export type Handler = (command: Document, context: CommandContext) => Document;

const HANDLERS: Readonly<Record<string, Handler>> = { ...GREETING, ...ADMINISTRATION, ...READING };

export function commandName(command: Document): string {
  return Object.keys(command)[0] ?? '';
}

/** Never throws: what goes wrong is in the reply. */
export function answer(command: Document, context: CommandContext): Document {
  try {
    return { ...reply(command, context), ok: 1 };
  } catch (error) {
    return failedReply(error);
  }
}

function reply(command: Document, context: CommandContext): Document {
  const name = commandName(command);
  const { lsid, txnNumber, autocommit } = command;
  if (autocommit === false || (txnNumber !== undefined && context.replicaSet === undefined)) {
    const message = 'Transaction numbers are only allowed on a replica set member or mongos';
    throw new CommandFailure('IllegalOperation', message);
  }
  if (command.collation !== undefined && command.collation.locale !== 'simple')
    throw new CommandFailure('CommandNotSupported', 'this test server has no collations');
  const write = Object.hasOwn(WRITING, name) ? WRITING[name] : undefined;
  if (write && txnNumber !== undefined)
    return context.sessions.once(lsid, txnNumber, () => write(command, context));
  const handler = write ?? (Object.hasOwn(HANDLERS, name) ? HANDLERS[name] : undefined);
  if (!handler) throw new CommandFailure('CommandNotFound', `no such command: '${name}'`);
  return handler(command, context);
}
