/**
 * The programs in the documents are compiled, as strictly as TypeScript can, against the built package; one that is a whole
 * program (`run=<name>`) is run, and does what its document says. Those that need heavy frameworks are run by
 * `npm run test:recipes`.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import express from 'express';
import { createStreamServices, GenerationJobManager } from 'generation-jobs';
import { createStreamRouter } from 'generation-jobs/express';
import { beforeAll, describe, expect, it } from 'vitest';
import { followed, post, textOf } from '../support/following.js';
import { ROOT, startProgram } from '../support/programs.js';
import { startTcpProxy } from '../support/tcp-proxy.js';
import { read } from './markdown.js';
import { blockMarked, blocks, compiledPrograms, isHeavy } from './programs.js';

const STORY = 'Once upon a time there was an answer. ';

let folder: string;

beforeAll(() => {
  folder = compiledPrograms();
});

/** How each whole program is run, by the name it has in its document. */
const runs: Readonly<Record<string, () => Promise<void>>> = {
  settle: async () => {
    const [, promised] = /It prints `(.+)`\./.exec(read('docs/guide.md')) ?? [];
    expect((await saidBy('settle')).trim()).toBe(promised);
  },
  metrics: async () => {
    const said = await saidBy('metrics');
    expect(said).toContain('generation_jobs_jobs_created_total 1');
    expect(said).toContain('generation_jobs_jobs_ended_total{result="interrupted"} 1');
  },
  express: async () => {
    const file = fileOf('express');
    const onExpress4 = file.replace(/\.js$/, '-on-4.js');
    writeFileSync(onExpress4, readFileSync(file, 'utf8').replace("from 'express'", "from 'express4'"));
    for (const one of [file, onExpress4]) {
      const { url } = await startProgram(one);
      const api = `${url}/api/chat`;
      const { streamId } = (await post(api)).body;
      expect(textOf(await followed(`${api}/stream/${streamId}?resume=true`))).toBe(STORY);
      expect((await post(`${api}/abort`, { streamId })).status).toBe(200); // its body was read by express.json()
      expect((await fetch(api, { method: 'POST', body: 'text=of+a+form' })).status).toBe(415);
    }
  },
  bearer: followWithToken,
};

describe('the programs in the documents', () => {
  it('are run, each by its name', () => {
    const whole = blocks.filter((block) => !isHeavy(block)).flatMap(({ marks }) => marks.run ?? []);
    expect(whole.sort()).toEqual(Object.keys(runs).sort());
  });

  it.each(Object.entries(runs))('do what the document says: %s', async (_name, run) => {
    await run();
  });

  it('are sound where they are scripts of a page', () => {
    for (const { name, code } of blocks.filter(({ language }) => language === 'js')) {
      const check = ['--check', '--input-type=module'];
      expect(spawnSync(process.execPath, check, { input: code }).status, name).toBe(0);
    }
  });

  it('pass as tests where they are tests of a host', async () => {
    const test = `${blockMarked('vitest', 'story.test.ts').name}.js`;
    writeFileSync(join(folder, 'story.test.js'), readFileSync(join(folder, test), 'utf8'));
    writeFileSync(join(folder, 'vitest.config.js'), 'export default {};\n'); // or it would be told by ours
    const vitest = [
      join(ROOT, 'node_modules', 'vitest', 'vitest.mjs'),
      'run',
      '--root',
      folder,
      'story.test.js',
    ];
    const child = spawn(process.execPath, vitest, { env: { ...process.env, NO_COLOR: '1' } });
    let said = '';
    child.stdout.on('data', (chunk) => (said += chunk));
    const [code] = await once(child, 'close');
    expect(said).toContain('1 passed');
    expect(code).toBe(0);
  });
});

/** Through a link that breaks, with tokens that are good for one request each. */
async function followWithToken(): Promise<void> {
  const { follow } = await import(fileOf('bearer'));
  const over = new AbortController();
  const manager = new GenerationJobManager({ ...createStreamServices() });
  const tokens = new Set<string>();
  const app = express();
  const authorize = (request: express.Request) => {
    const token = request.get('authorization') ?? '';
    return tokens.delete(token) ? { userId: 'ann' } : null;
  };
  app.use(createStreamRouter(manager, { authorize }));
  const server = createServer(app).listen(0, 'localhost');
  await once(server, 'listening');
  const proxy = await startTcpProxy((server.address() as AddressInfo).port);
  const tokenOf = () => {
    const token = crypto.randomUUID();
    tokens.add(`Bearer ${token}`);
    return token;
  };
  try {
    const created = await manager.createJob({ streamId: 's', userId: 'ann' });
    if (!created.started) throw new Error('taken');
    const seen: string[] = [];
    const see = (event: string, data: unknown) => seen.push(`${event} ${JSON.stringify(data)}`);
    const url = `http://127.0.0.1:${proxy.port}/stream/s`;
    const done = follow(url, tokenOf, see, over.signal);
    await expect.poll(() => seen[0]).toMatch(/^sync /);
    for (const word of ['one', 'two', 'three']) {
      await created.job.emit({ event: 'text', data: word });
      await expect.poll(() => seen).toContain(`text "${word}"`);
      proxy.hangUp();
    }
    await created.job.complete();
    await done;
    const texts = seen.filter((line) => line.startsWith('text'));
    expect(texts).toEqual(['text "one"', 'text "two"', 'text "three"']);
    expect(seen.at(-1)).toMatch(/^completed /);
    const stranger = follow(`http://127.0.0.1:${proxy.port}/stream/other`, tokenOf, () => {});
    await expect(stranger).rejects.toThrow('404');
  } finally {
    over.abort();
    await manager.close();
    await proxy.close();
    server.closeAllConnections();
    server.close();
  }
}

function fileOf(name: string): string {
  return join(folder, `${blockMarked('run', name).name}.js`);
}

/** All that a program prints until it ends by itself. */
async function saidBy(name: string): Promise<string> {
  const child = spawn(process.execPath, [fileOf(name)]);
  let said = '';
  child.stdout.on('data', (chunk) => (said += chunk));
  child.stderr.on('data', (chunk) => (said += chunk));
  const [code] = await once(child, 'close');
  expect([code, said]).toEqual([0, said]);
  return said;
}
