/**
 * Documents in three forms. Bytes are what is stored and what leaves, so that no type is lost on the way. The exact form
 * keeps every BSON class and is what updates change. The view is what is asked: 64-bit integers that JavaScript can hold
 * are numbers in it, because a filter that says 5 must find `Long(5)`.
 */
import { Binary, calculateObjectSize, type Document, deserialize, serialize } from 'bson';
import { CommandFailure } from './errors.js';

export const MAX_DOCUMENT_BYTES = 16 * 1024 * 1024;
/** A command may be larger than the largest document it carries by this much; beyond it nothing is even parsed. */
const MAX_COMMAND_BYTES = MAX_DOCUMENT_BYTES + 16 * 1024;

/** @throws {CommandFailure} BSONObjectTooLarge for what not even a command may hold */
export function encode(document: Document): Uint8Array {
  // Asked first: the encoder's own buffer ends at 17 MB with an error that says nothing.
  assertParsable(calculateObjectSize(document, { ignoreUndefined: true }));
  return serialize(document, { ignoreUndefined: true });
}

export function assertParsable(bytes: number): void {
  if (bytes <= MAX_COMMAND_BYTES) return;
  throw new CommandFailure(
    'BSONObjectTooLarge',
    `BSONObj size: ${bytes} is invalid. Size must be between 0 and ${MAX_COMMAND_BYTES}(16MB)`,
  );
}

export function decodeExact(bytes: Uint8Array): Document {
  return deserialize(bytes, { promoteLongs: false, bsonRegExp: true });
}

export function decodeView(bytes: Uint8Array): Document {
  const document = deserialize(bytes);
  tellBinariesApart(document);
  return document;
}

export function viewOf(document: Document): Document {
  return decodeView(encode(document));
}

/** The same string for values that a unique index holds equal. The value comes from a view. */
export function valueKey(value: unknown): string {
  return Buffer.from(serialize({ value: value ?? null })).toString('latin1');
}

export function isDocument(value: unknown): value is Document {
  return typeof value === 'object' && value !== null && value.constructor === Object;
}

/** mingo compares classes by their text, and `Binary`'s is UTF-8, in which different bytes look the same. */
function tellBinariesApart(value: unknown): void {
  if (value instanceof Binary) {
    const text = `${value.sub_type}:${value.toString('hex')}`;
    Object.defineProperty(value, 'toString', { value: () => text });
  } else if (Array.isArray(value)) {
    for (const element of value) tellBinariesApart(element);
  } else if (isDocument(value)) {
    for (const field of Object.values(value)) tellBinariesApart(field);
  }
}
