/**
 * The programs in the documents are compiled, as strictly as TypeScript can, against the built package; one that is a whole
 * program (`run=<name>`) is run, and does what its document says. Those that need heavy frameworks are run by
 * `npm run test:recipes`.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import express from 'express';
import { createStreamServices, type GenerationJob, GenerationJobManager } from 'generation-jobs';
import { textContent } from 'generation-jobs/content';
import { createStreamRouter } from 'generation-jobs/express';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { freePort } from '../support/chat-process.js';
import { followed, post, textOf } from '../support/following.js';
import { ROOT, startProgram } from '../support/programs.js';
import { serveProvider } from '../support/provider-server.js';
import { startTcpProxy } from '../support/tcp-proxy.js';
import { read } from './markdown.js';
import { blockMarked, blocks, compiledPrograms, isHeavy } from './programs.js';
import { mailTold, slackTold } from './telling-programs.js';

const STORY = 'Once upon a time there was an answer. ';

let folder: string;

beforeAll(() => {
  folder = compiledPrograms();
});

/** Returns what the guide says that a program of it prints: the first such sentence behind it. */
function promisedOf(name: string): string | undefined {
  const [, behind = ''] = read('docs/guide.md').split(`run=${name}\n`);
  return /It prints `(.+)`\./.exec(behind)?.[1];
}

/** How each whole program is run, by the name it has in its document. */
const runs: Readonly<Record<string, () => Promise<void>>> = {
  settle: async () => {
    expect((await saidBy('settle')).trim()).toBe(promisedOf('settle'));
  },
  settled: async () => {
    expect((await saidBy('settled')).trim()).toBe(promisedOf('settled'));
  },
  notes: async () => {
    expect((await saidBy('notes')).trim()).toBe(promisedOf('notes'));
  },
  queue: async () => {
    expect((await saidBy('queue')).trim()).toBe(promisedOf('queue'));
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
      const three = await Promise.all([post(api), post(api), post(api)]);
      expect(three.map(({ status }) => status).sort()).toEqual([200, 200, 429]);
      const [refused] = three.filter(({ status }) => status === 429);
      expect(refused?.body.error.code).toBe('user_limit_exceeded');
    }
  },
  providers: async () => {
    const chunk = (delta: object, finish_reason: string | null) => ({
      ...{ id: 'c', object: 'chat.completion.chunk', created: 1, model: 'm' },
      choices: [{ index: 0, delta, finish_reason }],
    });
    const provider = await serveProvider('chat');
    provider.answer({ events: [chunk({ role: 'assistant', content: STORY }, null), chunk({}, 'stop')] });
    try {
      const env = { OPENAI_BASE_URL: provider.url, OPENAI_API_KEY: 'none' };
      const { url } = await startProgram(fileOf('providers'), env);
      const { streamId } = (await post(`${url}/api/chat`, { text: 'hi' })).body;
      const events = await followed(`${url}/api/chat/stream/${streamId}`);
      expect(events.map(({ event }) => event)).toEqual([
        'created',
        'chat_completion',
        'chat_completion',
        'completed',
      ]);
      const [sync] = await followed(`${url}/api/chat/stream/${streamId}?resume=true`);
      const { content } = JSON.parse(sync?.data ?? '');
      expect(content.completions[0].choices[0].message.content).toBe(STORY);
    } finally {
      await provider.close();
    }
  },
  mail: () => mailTold(fileOf('mail')),
  slack: () => slackTold(fileOf('slack')),
  links: async () => {
    expect((await saidBy('links')).trim().split('\n')).toEqual(['200 true', 'ann link approve']);
  },
  sealed: async () => {
    const said = (await saidBy('sealed')).trim().replaceAll(/\s+/g, ' ');
    const kept = "\\{ mcpTokens: \\{ '\\$sealed': 'v1\\.2026-11\\.[^']+' \\}, model: 'm-1' \\}";
    const opened = "\\{ token: 'secret' \\} \\{ mcpTokens: \\{ calendar: 'secret' \\}, model: 'm-1' \\}";
    expect(said).toMatch(new RegExp(`^${kept} ${opened}$`));
  },
  words: async () => {
    expect(await saidBy('words')).toBe('{ count: 3 }\n');
  },
  types: async () => {
    expect(await saidBy('types')).toBe('https://example.com\nNothing.\n');
  },
  once: async () => {
    expect(await saidBy('once')).toBe('{ paid: 5 }\n');
  },
  rules: async () => {
    expect(await saidBy('rules')).toBe('{ allowed: false }\ntrue\nfalse\n');
  },
  rating: async () => {
    expect(await saidBy('rating')).toBe('{ stars: 4 }\n');
  },
  lossy: async () => {
    expect(await saidBy('lossy')).toBe('completed\n');
  },
  bearer: followWithToken,
  vite: async () => {
    const { url } = await startProgram(fileOf('express'));
    const config = readFileSync(fileOf('vite'), 'utf8').replace('http://localhost:3000', url);
    writeFileSync(join(folder, 'vite.config.js'), config);
    const port = `${await freePort()}`;
    const vite = join(ROOT, 'node_modules', 'vite', 'bin', 'vite.js');
    const page = await startProgram(vite, { NO_COLOR: '1' }, ['--port', port, '--strictPort'], folder);
    const origin = { origin: page.url }; // as its page's requests say
    const { streamId } = (await post(`${page.url}/api/chat`)).body;
    expect(textOf(await followed(`${page.url}/api/chat/stream/${streamId}`, origin))).toBe(STORY);
    const elsewhere = { headers: { origin: 'https://elsewhere.example' } };
    expect((await fetch(`${page.url}/api/chat/status/${streamId}`, elsewhere)).status).toBe(403);
  },
};

/** How each fragment that says `try=<name>` is tried. */
const tries: Readonly<Record<string, Trial>> = {
  create: async (manager, run) => {
    await run({ manager, streamId: 'tried', userId: 'ann', askModel: story });
    expect(await endOf(manager)).toMatchObject({ content: { text: STORY } });
  },
  run: async (manager, run) => {
    await run({ job: await startedJob(manager), askModel: story });
    const final = { text: 'the finished message, for clients that have no need of its events' };
    const content = { text: `Let me look. ${STORY}` };
    expect(await endOf(manager)).toEqual({ content, end: { final }, usage: { output_tokens: 42 } });
  },
  usage: async (manager, run) => {
    const usage = { input_tokens: 9, input_token_details: { cache_read: 8 }, output_tokens: undefined };
    await run({ job: await startedJob(manager), usage });
    expect((await manager.getJob('tried'))?.usageEntries).toEqual([
      {
        ...{ kind: 'title', model: 'small', provider: 'acme', calls: 1 },
        usage: { input_tokens: 9, 'input_token_details.cache_read': 8 },
      },
    ]);
  },
  stopped: async (manager, run) => {
    const startModel = ({ signal }: { signal: AbortSignal }) => ({
      async *[Symbol.asyncIterator]() {
        yield { event: 'text', data: { text: 'Once' } };
        await new Promise((resolve) => signal.addEventListener('abort', resolve));
      },
      usage: async () => ({ output_tokens: 1 }),
    });
    const job = await startedJob(manager);
    await run({ job, startModel });
    await vi.waitFor(async () => expect(await manager.getJob('tried')).toMatchObject({ lastSequence: 2 }));
    await manager.abortJob('tried');
    await vi.waitFor(async () => expect(await manager.getJob('tried')).toMatchObject({ producerLeft: true }));
    expect(await manager.getJob('tried')).toMatchObject({ usage: { output_tokens: 1 } });
  },
  failWith: async (manager, run) => {
    const job = await startedJob(manager);
    const askProvider = () => [{ type: 'text-delta', text: 'Once' }, { type: 'error' }];
    await job.run(() => run({ job, askProvider }));
    const end = { code: 'model_failed', message: 'The model failed.', retryable: true };
    expect(await endOf(manager)).toMatchObject({ content: { text: 'Once' }, end });
  },
  failure: async (manager, run) => {
    const askModel = () => Promise.reject(new Error('socket hang up'));
    await run({ job: await startedJob(manager), askModel });
    expect(await endOf(manager)).toMatchObject({ end: { code: 'overloaded', retryable: true } });
  },
  follow: async (manager, run) => {
    const job = await startedJob(manager);
    void job.run(() => job.pipe(story()));
    const log = vi.spyOn(console, 'log').mockImplementation(() => {});
    await run({ manager, streamId: 'tried', userId: 'ann' });
    expect(log.mock.calls.map(([, event]) => event)).toEqual(['created', 'text', 'completed']);
    log.mockRestore();
  },
  resolve: async (manager, run) => {
    const job = await startedJob(manager);
    const { actionId } = await job.pause({
      type: 'tool_approval',
      requests: [{ id: 'call-1', name: 'pay' }],
    });
    const { payloadDigest } = (await manager.approvals.peek('tried')) ?? {};
    const goOn = vi.fn();
    await run({ manager, streamId: 'tried', userId: 'ann', actionId, payloadDigest, goOn });
    await endOf(manager);
    expect(goOn.mock.calls[0]?.[1]).toMatchObject({ resolution: { by: 'ann' } });
  },
  health: async (manager, run) => {
    const app = express();
    const server = app.listen(0, 'localhost');
    await once(server, 'listening');
    await run({ manager, app });
    const ask = () => fetch(`http://localhost:${(server.address() as AddressInfo).port}/ready`);
    await manager.start();
    expect((await ask()).status).toBe(200);
    await manager.drain();
    expect((await ask()).status).toBe(503);
    server.close();
  },
  listJobs: async (manager, run) => {
    const job = await startedJob(manager);
    await job.pause({ type: 'tool_approval', requests: [{ id: 'call-1', name: 'pay' }] });
    const log = vi.spyOn(console, 'log').mockImplementation(() => {});
    await run({ manager });
    expect(log.mock.calls).toEqual([['tried', 'ann', expect.any(Number), 'tool_approval']]);
    log.mockRestore();
  },
  moved: async (manager, run) => {
    const makeStream = () => new Blob([STORY]).stream().pipeThrough(new TextDecoderStream());
    await run({ job: await startedJob(manager), makeStream });
    expect(await endOf(manager)).toMatchObject({ content: { text: STORY } });
  },
};

async function* story() {
  yield { event: 'text', data: { text: STORY } };
}

describe('the programs in the documents', () => {
  it('are run, each by its name', () => {
    const whole = blocks.filter((block) => !isHeavy(block)).flatMap(({ marks }) => marks.run ?? []);
    expect(whole.sort()).toEqual(Object.keys(runs).sort());
  });

  it.each(Object.entries(runs))('do what the document says: %s', async (_name, run) => {
    await run();
  });

  it('are tried where they are fragments that can be', () => {
    const marked = blocks.flatMap(({ marks }) => marks.try ?? []);
    expect(marked.sort()).toEqual(Object.keys(tries).sort());
  });

  it.each(Object.entries(tries))(
    'do what the document says, given what it has introduced: %s',
    async (name, trial) => {
      const hooks = { onError: () => {} }; // some are about failures
      const parts = { ...createStreamServices(), contentModels: [textContent()], hooks };
      await using manager = new GenerationJobManager(parts);
      await trial(manager, async (introduced) => {
        Object.assign(globalThis, introduced);
        await import(join(folder, `${blockMarked('try', name).name}.js`));
      });
    },
  );

  it('are none that no compiler has seen', () => {
    const others = blocks.filter(({ language }) => /^(js|javascript|tsx|jsx|typescript)$/.test(language));
    expect(others.map(({ name }) => name)).toEqual([]);
  });

  it.each([
    ['story.test.ts', '', '1 passed'],
    ['question.test.ts', '', '1 passed'],
    ['my-store.test.ts', 'The store contract', ' passed'],
  ])('pass as tests where they are tests of a host: %s', async (name, titles, outcome) => {
    const file = name.replace(/ts$/, 'js');
    const compiled = join(folder, `${blockMarked('vitest', name).name}.js`);
    writeFileSync(join(folder, file), readFileSync(compiled, 'utf8'));
    writeFileSync(join(folder, 'vitest.config.js'), 'export default {};\n'); // or it would be told by ours
    const vitest = [
      join(ROOT, 'node_modules', 'vitest', 'vitest.mjs'),
      'run',
      '--root',
      folder,
      file,
      '-t',
      titles,
    ];
    const child = spawn(process.execPath, vitest, { env: { ...process.env, NO_COLOR: '1' } });
    let said = '';
    child.stdout.on('data', (chunk) => {
      said += chunk;
    });
    const [code] = await once(child, 'close');
    expect(said).toContain(outcome);
    expect(code, said).toBe(0);
  });
});

type Trial = (manager: GenerationJobManager, run: (introduced: object) => Promise<void>) => Promise<void>;

async function startedJob(manager: GenerationJobManager): Promise<GenerationJob> {
  const created = await manager.createJob({ streamId: 'tried', userId: 'ann', contentModel: 'text' });
  if (!created.started) throw new Error('taken');
  return created.job;
}

async function endOf(manager: GenerationJobManager, streamId = 'tried') {
  await expect.poll(async () => (await manager.getJob(streamId))?.status).toMatch(/completed|failed/);
  const { content, end, usage } = (await manager.getResumeState(streamId)) ?? {};
  return { content, end, usage };
}

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
