/**
 * A seal keeps what is secret from whoever can read the store: text is sealed before a store sees it and opened where a
 * run goes on. What is sealed stands in a record as `{ "$sealed": text }`, so it is told from what was written in plain
 * before there was a seal, by any replica, with or without one.
 */
import { z } from 'zod';
import type { Json } from './types.js';

/** Names the one place a sealed text belongs to. Sealed for one place, it must not open in another. */
export type SealContext =
  | {
      /** The `resumeContext` of an action. */
      readonly of: 'resumeContext';
      /** The tenant the stream lives in, when it has one. */
      readonly tenantId?: string | undefined;
      /** The stream. */
      readonly streamId: string;
      /** The generation that asks. */
      readonly generation: number;
      /** The action. */
      readonly actionId: string;
    }
  | {
      /** The state that a producer hands over. */
      readonly of: 'handOver';
      /** The tenant the stream lives in, when it has one. */
      readonly tenantId?: string | undefined;
      /** The stream. */
      readonly streamId: string;
      /** The generation. */
      readonly generation: number;
      /** The attempt that is handed over. */
      readonly attempt: number;
    }
  | {
      /** The result of a call that `once` has made. */
      readonly of: 'receipt';
      /** The tenant the stream lives in, when it has one. */
      readonly tenantId?: string | undefined;
      /** The stream. */
      readonly streamId: string;
      /** The generation that made the call. */
      readonly generation: number;
      /** The key of the call. */
      readonly key: string;
    }
  | {
      /** One key of a generation's metadata. */
      readonly of: 'metadata';
      /** The tenant the stream lives in, when it has one. */
      readonly tenantId?: string | undefined;
      /** The stream. */
      readonly streamId: string;
      /** The record's `createId`, which names the generation: its number is not known before the store has made it. */
      readonly createId: string;
      /** The key of the metadata. */
      readonly key: string;
    };

/**
 * Seals what is secret before it reaches a store. Every replica that goes on with a run must be able to open what another
 * has sealed. Each call has `hookMs` to answer.
 */
export interface Seal {
  /**
   * Returns the text to keep instead of `text` (JSON of any length), not empty. May answer at once or later; what it throws
   * refuses the call that would have written it (`seal_unavailable`).
   */
  seal(text: string, context: SealContext): string | PromiseLike<string>;
  /**
   * Returns what was sealed. Throws when it can't: no such key here, the key service is away, the text was changed, or was
   * sealed for another place.
   */
  open(text: string, context: SealContext): string | PromiseLike<string>;
  /** The keys of the metadata whose values are sealed, at most 64. Default: none. */
  readonly metadata?: readonly string[] | undefined;
}

/** Keys of metadata; more are a mistake, since one key can hold everything that is secret. */
export const sealedKeysSchema = z.array(z.string().min(1)).max(64).optional();

const MARK = '$sealed';

/** A value as it stands in a record when it is sealed. */
export interface Sealed {
  readonly [MARK]: string;
}

export function sealedForm(text: string): Sealed & { [key: string]: Json } {
  return { [MARK]: text };
}

/** Says whether a value of a record is sealed. */
export function isSealed(value: unknown): value is Sealed {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const keys = Object.keys(value);
  return keys.length === 1 && keys[0] === MARK && typeof (value as Sealed)[MARK] === 'string';
}

/** Says whether this is the JSON text of a value that is sealed. */
export function isSealedText(json: string): boolean {
  return json.startsWith(`{"${MARK}":"`) && isSealed(JSON.parse(json));
}

/** Returns the sealed text of a value that is sealed. */
export function sealedText(value: Sealed): string {
  return value[MARK];
}
