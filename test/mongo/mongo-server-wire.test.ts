/**
 * The protocol itself, spoken by hand: what no driver of ours sends, or sends only by chance.
 */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { type Document, deserialize, serialize } from 'bson';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MongoServer } from '../support/mongo-server/server.js';

const OP_QUERY = 2004;
const OP_MSG = 2013;

describe('the wire protocol', () => {
  let mongo: MongoServer;
  let socket: Socket;

  beforeEach(async () => {
    mongo = await MongoServer.start();
    socket = connect(Number(new URL(mongo.uri).port), '127.0.0.1');
    await once(socket, 'connect');
  });

  afterEach(async () => {
    socket.destroy();
    await mongo[Symbol.asyncDispose]();
    expect(mongo.openConnections).toBe(0);
  });

  async function ask(message: Buffer, prefixBytes = 21): Promise<Document> {
    socket.write(message);
    let received = Buffer.alloc(0);
    while (received.length < 4 || received.length < received.readInt32LE(0)) {
      const [chunk] = (await once(socket, 'data')) as [Buffer];
      received = Buffer.concat([received, chunk]);
    }
    expect(received.readInt32LE(8), 'answers this request').toBe(message.readInt32LE(4));
    return deserialize(received.subarray(prefixBytes));
  }

  it('takes documents in a section of their own, before or after the body', async () => {
    const insertion = body({ insert: 'items', $db: 'test' });
    const documents = sequence('documents', [{ n: 1 }, { n: 2 }]);
    expect(await ask(message(0, insertion, documents))).toMatchObject({ ok: 1, n: 2 });
    expect(await ask(message(0, documents, insertion))).toMatchObject({ ok: 1, n: 2 });
    expect(await ask(message(0, body({ count: 'items', $db: 'test' })))).toMatchObject({ n: 4 });
  });

  it('checks the checksum of a message that has one, and hangs up on a wrong one', async () => {
    const ping = message(1, body({ ping: 1, $db: 'admin' }), Buffer.alloc(4));
    ping.writeUInt32LE(crc32c(ping.subarray(0, -4)), ping.length - 4);
    expect(await ask(ping)).toEqual({ ok: 1 });
    ping.writeUInt8(ping.readUInt8(ping.length - 1) ^ 1, ping.length - 1);
    await expectHangUp(ping);
  });

  it('gives no reply to what wants none', async () => {
    const insertion = message(2, body({ insert: 'items', documents: [{ n: 1 }], $db: 'test' }));
    const question = message(0, body({ count: 'items', $db: 'test' }));
    question.writeInt32LE(8, 4);
    socket.write(insertion);
    expect(await ask(question)).toMatchObject({ n: 1 });
  });

  it('answers the hello of old, and says what it is', async () => {
    const query = Buffer.concat([
      Buffer.alloc(4),
      Buffer.from('admin.$cmd\0'),
      Buffer.alloc(8),
      serialize({ isMaster: 1, helloOk: true }),
    ]);
    const reply = await ask(withHeader(OP_QUERY, query), 36);
    expect(reply).toMatchObject({ ok: 1, ismaster: true, helloOk: true, setName: 'tests' });
    await using alone = await MongoServer.start({ replicaSet: null });
    socket.destroy();
    socket = connect(Number(new URL(alone.uri).port), '127.0.0.1');
    expect(await ask(message(0, body({ hello: 1, $db: 'admin' })))).not.toHaveProperty('setName');
    const retryable = { insert: 'items', documents: [{}], txnNumber: 1n, $db: 'test' };
    expect(await ask(message(0, body(retryable)))).toMatchObject({ ok: 0, code: 20 });
  });

  it('understands messages however the network cuts and joins them', async () => {
    const ping = message(0, body({ ping: 1, $db: 'admin' }));
    const count = message(0, body({ count: 'items', $db: 'test' }));
    socket.setNoDelay(true);
    const stream = Buffer.concat([ping, ping, count]);
    for (let at = 0; at < stream.length; at += 7) socket.write(stream.subarray(at, at + 7));
    const replies: Document[] = [];
    let received = Buffer.alloc(0);
    while (replies.length < 3) {
      const [chunk] = (await once(socket, 'data')) as [Buffer];
      received = Buffer.concat([received, chunk]);
      while (received.length > 4 && received.length >= received.readInt32LE(0)) {
        const length = received.readInt32LE(0);
        replies.push(deserialize(received.subarray(21, length)));
        received = received.subarray(length);
      }
    }
    expect(replies).toEqual([{ ok: 1 }, { ok: 1 }, { n: 0, ok: 1 }]);
  });

  it.each([
    ['a length below any message', Buffer.from([4, 0, 0, 0, ...Array(12).fill(0)])],
    ['a length above the limit', Buffer.from([0xff, 0xff, 0xff, 0x7f, ...Array(12).fill(0)])],
    ['an operation nobody knows', withHeader(2012, Buffer.alloc(20))],
    ['a flag that must be understood', message(4, body({ ping: 1, $db: 'admin' }))],
    ['another protocol', Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n')],
  ])('hangs up on %s', async (_, bytes) => {
    await expectHangUp(bytes);
  });

  it.each([
    ['a document cut short', Buffer.from([0, 40, 0, 0, 0, 2, 0])],
    ['a section of a kind nobody knows', Buffer.from([7, 5, 0, 0, 0, 0])],
    ['bytes that are no BSON', Buffer.from([0, 9, 0, 0, 0, 99, 97, 0, 1, 0])],
  ])('refuses %s, and goes on', async (_, section) => {
    expect(await ask(message(0, section))).toMatchObject({ ok: 0, code: 22 });
    expect(await ask(message(0, body({ ping: 1, $db: 'admin' })))).toEqual({ ok: 1 });
  });

  async function expectHangUp(bytes: Buffer): Promise<void> {
    const closed = once(socket, 'close');
    socket.on('error', () => {});
    socket.write(bytes);
    await closed;
  }
});

function message(flags: number, ...sections: Buffer[]): Buffer {
  const prefix = Buffer.alloc(4);
  prefix.writeUInt32LE(flags, 0);
  return withHeader(OP_MSG, Buffer.concat([prefix, ...sections]));
}

function withHeader(operation: number, rest: Buffer): Buffer {
  const header = Buffer.alloc(16);
  header.writeInt32LE(header.length + rest.length, 0);
  header.writeInt32LE(7, 4);
  header.writeInt32LE(operation, 12);
  return Buffer.concat([header, rest]);
}

function body(document: Document): Buffer {
  return Buffer.concat([Buffer.from([0]), serialize(document)]);
}

function sequence(name: string, documents: readonly Document[]): Buffer {
  const rest = Buffer.concat([Buffer.from(`${name}\0`), ...documents.map((document) => serialize(document))]);
  const prefix = Buffer.from([1, 0, 0, 0, 0]);
  prefix.writeInt32LE(4 + rest.length, 1);
  return Buffer.concat([prefix, rest]);
}

/** Bit by bit, by the book: nothing of the server's table. */
function crc32c(bytes: Buffer): number {
  let remainder = 0xffffffff;
  for (const byte of bytes) {
    remainder ^= byte;
    for (let bit = 0; bit < 8; bit++) remainder = (remainder >>> 1) ^ ((remainder & 1) * 0x82f63b78);
  }
  return ~remainder >>> 0;
}
