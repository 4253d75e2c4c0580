import { readTranscript } from 'generation-jobs/transcripts';
import { describe, expect, it } from 'vitest';
import { pieces } from './contract.js';

const lines = (...given: readonly unknown[]) =>
  Buffer.from(given.map((one) => `${JSON.stringify(one)}\n`).join(''));

describe('readTranscript', () => {
  it('finds the messages of each form that agents write, and keeps what it does not know', async () => {
    const head = { type: 'session', version: 3, id: 's', cwd: '/home' };
    const nested = {
      type: 'message',
      id: 'm-1',
      parentId: null,
      timestamp: '2030-01-01T00:00:00.000Z',
      message: { role: 'user', content: [{ type: 'text', text: 'hi' }], odd: [1] },
    };
    const uuid = { type: 'assistant', uuid: 'u', message: { role: 'assistant', content: 'ho', id: 'msg' } };
    const payload = { type: 'response_item', payload: { type: 'message', role: 'developer', content: [] } };
    const bare = { role: 'tool', content: null, timestamp: 7 };
    const { messages, counts, damaged } = await readTranscript(lines(head, nested, uuid, payload, bare));
    expect(messages).toEqual([
      {
        ...{ line: 2, role: 'user', content: nested.message.content, id: 'm-1' },
        ...{ at: Date.UTC(2030, 0, 1), value: nested },
      },
      { line: 3, role: 'assistant', content: 'ho', id: 'u', value: uuid },
      { line: 4, role: 'developer', content: [], value: payload },
      { line: 5, role: 'tool', content: null, at: 7, value: bare },
    ]);
    expect(counts).toEqual({
      ...{ bytes: lines(head, nested, uuid, payload, bare).length, lines: 5, messages: 4, others: 1 },
      ...{ damaged: 0, roles: { user: 1, assistant: 1, developer: 1, tool: 1 } },
    });
    expect(damaged).toEqual([]);
  });

  it('splits at LF alone, wherever the bytes are cut, and drops one CR at the end', async () => {
    const text = 'a\u2028b\u2029c\rd é 😀';
    const bytes = Buffer.concat([
      Buffer.from(`\ufeff{"role":"user","content":${JSON.stringify(text)}}\r\n\n  \n`),
      Buffer.from('{"role":"user","content":"last"}'),
    ]);
    for (let size = 1; size < 12; size++) {
      const cut = Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) =>
        bytes.subarray(i * size, (i + 1) * size),
      );
      const { messages, counts } = await readTranscript(pieces(...cut));
      expect(messages.map(({ line, content }) => [line, content])).toEqual([
        [1, text],
        [4, 'last'],
      ]);
      expect(counts).toMatchObject({ lines: 2, damaged: 0 });
    }
  });

  it('lists each damaged line with its reason, tells one debug line of it, and reads the others', async () => {
    const told: object[] = [];
    const logger = { debug: (fields: object) => void told.push(fields) };
    const bytes = Buffer.concat([
      lines({ role: 'user', content: 'first' }),
      Buffer.from('{"role":\n'),
      Buffer.from([0x22, 0xff, 0x22, 10]),
      Buffer.from('[1]\n'),
      Buffer.from(`${'['.repeat(300)}${']'.repeat(300)}\n`),
      Buffer.from(`"${'x'.repeat(10_000_000)}"\n`),
      lines({ role: 'user', content: 'last' }),
      Buffer.from('{"role":"assistant","content":"half'),
    ]);
    const { messages, counts, damaged } = await readTranscript(bytes, { logger });
    expect(messages.map(({ content }) => content)).toEqual(['first', 'last']);
    expect(damaged).toEqual([
      { line: 2, size: 8, reason: 'not_json' },
      { line: 3, size: 3, reason: 'not_utf8' },
      { line: 4, size: 3, reason: 'not_an_object' },
      { line: 5, size: 600, reason: 'too_deep' },
      { line: 6, size: 10_000_002, reason: 'too_long' },
      { line: 8, size: 35, reason: 'cut_off' },
    ]);
    expect(told).toEqual(damaged);
    expect(counts).toMatchObject({ lines: 8, messages: 2, damaged: 6, others: 0 });
  });

  it('gives the last messages, and counts all; lists the first damaged lines, and counts all', async () => {
    const many = Array.from({ length: 1000 }, (_, n) => ({ role: `role-${n % 40}`, content: n }));
    const bytes = Buffer.concat([lines(...many), Buffer.from('x\n'.repeat(500))]);
    const { messages, counts, damaged } = await readTranscript(bytes, { last: 3 });
    expect(messages.map(({ content }) => content)).toEqual([997, 998, 999]);
    expect(counts).toMatchObject({ messages: 1000, damaged: 500 });
    expect(Object.keys(counts.roles)).toHaveLength(32);
    expect(damaged).toHaveLength(100);
    expect((await readTranscript(bytes, { last: 0 })).messages).toEqual([]);
  });

  it('is not fooled by names that objects have anyway', async () => {
    const { messages, counts } = await readTranscript(
      Buffer.from('{"__proto__":{"role":"user","content":1}}\n{"role":"__proto__","content":1}\n'),
    );
    expect(messages).toHaveLength(1);
    expect(Object.entries(counts.roles)).toEqual([['__proto__', 1]]);
  });

  it('refuses what is larger than it may be, what is no bytes, and options it does not know', async () => {
    await expect(readTranscript(Buffer.alloc(11), { maxBytes: 10 })).rejects.toMatchObject({
      code: 'transcript_too_large',
    });
    await expect(readTranscript('text' as never)).rejects.toMatchObject({ code: 'invalid_argument' });
    await expect(readTranscript(Buffer.alloc(1), { lats: 1 } as never)).rejects.toThrow(
      'did you mean "last"?',
    );
  });
});
