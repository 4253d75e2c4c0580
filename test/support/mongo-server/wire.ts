/**
 * The wire protocol, as far as today's drivers speak it: OP_MSG with its body and its sequences of documents, and OP_QUERY
 * for the first hello, which a driver sends before it knows what the server understands. A message that is none of them
 * ends the connection, as on a real server. Format: the MongoDB wire protocol's public specification.
 */
import { type Document, serialize } from 'bson';
import { assertParsable, decodeExact } from './documents.js';
import { CommandFailure } from './errors.js';

const HEADER_BYTES = 16;
/** A header, the flags, a section's kind and an empty document. */
const LEAST_MESSAGE_BYTES = HEADER_BYTES + 4 + 1 + 5;
export const MAX_MESSAGE_BYTES = 48_000_000;

const OP_REPLY = 1;
const OP_QUERY = 2004;
const OP_MSG = 2013;

const CHECKSUM_PRESENT = 1;
const MORE_TO_COME = 2;
/** The lower half of the flags must be understood by whoever reads them. */
const REQUIRED_FLAGS = 0xffff;

/** The peer does not speak the protocol: there is no reply to give. */
export class ProtocolViolation extends Error {
  override readonly name = 'ProtocolViolation';
}

export interface Request {
  readonly id: number;
  readonly isLegacy: boolean;
  /** An unacknowledged write. */
  readonly wantsNoReply: boolean;
  /** Parsed when asked, because what is in it can be refused with a reply. */
  command(): Document;
}

/** Cuts a connection's bytes into messages. */
export class MessageReader {
  #chunks: Buffer[] = [];
  #bytes = 0;

  *push(chunk: Buffer): Generator<Request> {
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    while (this.#bytes >= HEADER_BYTES) {
      const length = this.#peek(HEADER_BYTES).readInt32LE(0);
      if (length < LEAST_MESSAGE_BYTES || length > MAX_MESSAGE_BYTES)
        throw new ProtocolViolation(`a message of ${length} bytes`);
      if (this.#bytes < length) return;
      const all = this.#peek(length);
      this.#chunks[0] = all.subarray(length);
      this.#bytes -= length;
      yield parseRequest(all.subarray(0, length));
    }
  }

  /** The first chunk, of at least so many bytes: joining all for every packet would cost a large message its square. */
  #peek(bytes: number): Buffer {
    const [first] = this.#chunks;
    if (first && first.length >= bytes) return first;
    const joined = Buffer.concat(this.#chunks);
    this.#chunks = [joined];
    return joined;
  }
}

export function encodeReply(request: Request, responseId: number, document: Document): Buffer {
  const body = serialize(document, { ignoreUndefined: true });
  const prefix = Buffer.alloc(request.isLegacy ? 36 : 21);
  prefix.writeInt32LE(prefix.length + body.length, 0);
  prefix.writeInt32LE(responseId, 4);
  prefix.writeInt32LE(request.id, 8);
  prefix.writeInt32LE(request.isLegacy ? OP_REPLY : OP_MSG, 12);
  // One document, and the bit that says the server could wait for more.
  if (request.isLegacy) prefix.writeInt32LE(8, 16);
  if (request.isLegacy) prefix.writeInt32LE(1, 32);
  return Buffer.concat([prefix, body]);
}

function parseRequest(message: Buffer): Request {
  const id = message.readInt32LE(4);
  const code = message.readInt32LE(12);
  switch (code) {
    case OP_QUERY:
      return { id, isLegacy: true, wantsNoReply: false, command: () => parseQuery(message) };
    case OP_MSG: {
      const flags = message.readUInt32LE(HEADER_BYTES);
      if (flags & REQUIRED_FLAGS & ~(CHECKSUM_PRESENT | MORE_TO_COME))
        throw new ProtocolViolation(`unknown flags ${flags}`);
      const hasChecksum = (flags & CHECKSUM_PRESENT) !== 0;
      if (hasChecksum && crc32c(message.subarray(0, -4)) !== message.readUInt32LE(message.length - 4))
        throw new ProtocolViolation("a checksum that is not the message's");
      const sections = message.subarray(HEADER_BYTES + 4, hasChecksum ? -4 : undefined);
      const wantsNoReply = (flags & MORE_TO_COME) !== 0;
      return { id, isLegacy: false, wantsNoReply, command: () => parseSections(sections) };
    }
    default:
      throw new ProtocolViolation(`operation ${code}`);
  }
}

function parseSections(sections: Buffer): Document {
  let command: Document = {};
  const sequences: Document = {};
  for (let at = 0; at < sections.length; ) {
    const kind = sections[at++];
    const length = sections.readInt32LE(at);
    const section = sections.subarray(at, at + length);
    if (length < 5 || section.length < length)
      throw new CommandFailure('InvalidBSON', 'a section is cut short');
    if (kind === 0) command = parseDocument(section);
    else if (kind === 1) Object.assign(sequences, parseSequence(section));
    else throw new CommandFailure('InvalidBSON', `unknown section kind ${kind}`);
    at += length;
  }
  // The command's name must stay the first field.
  return { ...command, ...sequences };
}

function parseSequence(section: Buffer): Document {
  const end = section.indexOf(0, 4);
  const documents: Document[] = [];
  for (let at = end + 1; at < section.length; ) {
    const length = section.readInt32LE(at);
    if (length < 5) throw new CommandFailure('InvalidBSON', 'a document is cut short');
    documents.push(parseDocument(section.subarray(at, at + length)));
    at += length;
  }
  return { [section.toString('utf8', 4, end)]: documents };
}

function parseQuery(message: Buffer): Document {
  const start = HEADER_BYTES + 4;
  const end = message.indexOf(0, start);
  // Behind the namespace: how many to skip and to return.
  const command = parseDocument(message.subarray(end + 1 + 8));
  return { ...command, $db: message.toString('utf8', start, end).split('.')[0] };
}

function parseDocument(bytes: Buffer): Document {
  assertParsable(bytes.length);
  try {
    return decodeExact(bytes);
  } catch (error) {
    throw new CommandFailure('InvalidBSON', error instanceof Error ? error.message : String(error));
  }
}

const CRC32C_POLYNOMIAL = 0x82f63b78;
const CRC32C_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ CRC32C_POLYNOMIAL : value >>> 1;
  return value;
});

function crc32c(bytes: Buffer): number {
  let value = 0xffffffff;
  for (const byte of bytes) value = (CRC32C_TABLE[(value ^ byte) & 0xff] ?? 0) ^ (value >>> 8);
  return (value ^ 0xffffffff) >>> 0;
}
