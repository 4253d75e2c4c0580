/** Several writers on one machine, of which some die in the middle of a write. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createMessageFile } from 'generation-jobs/worker';
import { expect, it } from 'vitest';

const WRITER = fileURLToPath(new URL('../../support/message-writer.mjs', import.meta.url));

/** A writer's process, and what it says to have written. */
function writer(folder: string, name: string, count: number) {
  const child = spawn(process.execPath, [WRITER, folder, name, String(count)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let said = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  const exited: Promise<unknown[]> = once(child, 'close');
  return {
    child: child as ChildProcess,
    exited,
    written: () => said.split('\n').filter((line) => line !== ''),
  };
}

async function inFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'writers-'));
  try {
    await work(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

it('three processes write to one conversation, and none of them loses a message', async () => {
  await inFolder(async (folder) => {
    const writers = ['a', 'b', 'c'].map((name) => writer(folder, name, 15));
    const exits = await Promise.all(writers.map(({ exited }) => exited));
    expect(exits.map(([code]) => code)).toEqual([0, 0, 0]);
    const file = createMessageFile({ folder });
    const { messages, damaged } = await file.read({ conversationId: 'c' });
    expect(damaged).toBe(0);
    expect(messages).toHaveLength(3 * 15 * 2);
    expect(messages.filter(({ _streaming }) => _streaming)).toEqual([]);
    // The list says what the last of them left.
    const listed = { conversationId: 'c', isStreaming: false, messages: messages.length };
    expect(await file.list()).toMatchObject([listed]);
  });
});

it('writers killed at any moment leave a whole file, what they said to have written, and a way for others', async () => {
  await inFolder(async (folder) => {
    const said: string[] = [];
    const others = writer(folder, 'steady', 20);
    for (let round = 0; round < 8; round++) {
      const victim = writer(folder, `victim-${round}`, 1_000);
      while (victim.written().length < 1 + round && victim.child.exitCode === null) await pause();
      victim.child.kill('SIGKILL');
      await victim.exited;
      said.push(...victim.written());
      const { damaged } = await createMessageFile({ folder }).read({ conversationId: 'c' });
      expect(damaged).toBe(0);
    }
    expect((await others.exited)[0]).toBe(0);
    said.push(...others.written());
    const { messages } = await createMessageFile({ folder }).read({ conversationId: 'c' });
    const final = new Set(
      messages.flatMap(({ role, end, streamId }) => (role === 'assistant' && end ? streamId : [])),
    );
    expect(said.filter((streamId) => !final.has(streamId))).toEqual([]);
    expect(others.written()).toHaveLength(20);
  });
});

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 5));
}
