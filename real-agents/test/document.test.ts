/**
 * The program of docs/agents.md, as it stands, with the SDK: an agent that asks before it pays. Only the model is scripted, and
 * the database and the peers are where these tests have theirs.
 */
import { once } from 'node:events';
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import express from 'express';
import { createStreamServices, type GenerationJobManager } from 'generation-jobs';
import mongoose from 'mongoose';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { blocks, compiledPrograms } from '../../test/docs/programs.js';
import { opened, post } from '../../test/support/following.js';
import { dbName, startMongo, type TestMongo } from '../../test/support/mongo.js';
import { importPeer, loadSdk, toolHandlers } from '../support/agents.mjs';

const SCRIPT = [
  { text: ['I would pay Bob.'], tools: [{ id: 'call-1', name: 'pay', args: { to: 'bob' } }] },
  { text: ['Done.'] },
];
/** Where the SDK and mongoose are found by name. */
const folder = join(import.meta.dirname, '..', '.cache', `document-${process.pid}`);

let mongo: TestMongo;

beforeAll(async () => {
  await loadSdk();
  mongo = await startMongo();
});

afterAll(async () => {
  await mongoose.connection.dropDatabase();
  await mongoose.disconnect();
  await mongo.stop();
  rmSync(folder, { recursive: true, force: true });
});

it('the program of docs/agents.md runs an agent that asks, and goes on as was decided', async () => {
  const paid: unknown[] = [];
  const saved: unknown[] = [];
  const app = express();
  const server = app.listen(0, 'localhost');
  await once(server, 'listening');
  const api = `http://localhost:${(server.address() as AddressInfo).port}/api/chat`;
  const toolDefinitions = [
    { name: 'pay', description: 'pays', parameters: { type: 'object', properties: {} } },
  ];
  Object.assign(globalThis, {
    importPeer,
    app,
    services: createStreamServices(),
    authorize: () => ({ userId: 'ann' }),
    agent: { provider: 'scripted', clientOptions: { script: SCRIPT }, instructions: 'Pay.', toolDefinitions },
    executeTools: toolHandlers((call) => {
      paid.push(call.args);
      return 'paid';
    }).on_tool_execute,
    saveMessage: (_record: unknown, content: unknown) => saved.push(content),
    ...{ streamId: 's', userId: 'ann', text: 'Pay Bob' },
  });
  const { manager } = await import(programOf(mongo.uri));
  const events: string[] = [];
  for await (const { event = '', data } of await opened(`${api}/stream/s`)) {
    events.push(event);
    if (event !== 'requires_action') continue;
    expect(paid).toEqual([]);
    const { actionId, payloadDigest, requests } = JSON.parse(data).action;
    expect(requests).toMatchObject([{ id: 'call-1', name: 'pay', arguments: { to: 'bob' } }]);
    const decisions = [{ id: 'call-1', decision: 'approve' }];
    const sent = { streamId: 's', actionId, payloadDigest, decisions };
    expect((await post(`${api}/resume`, sent)).status).toBe(202);
  }
  expect(events.at(-1)).toBe('completed');
  expect(paid).toEqual([{ to: 'bob' }]);
  await expect.poll(() => saved.length).toBe(1);
  expect(JSON.stringify(saved)).toContain('Done.');
  await (manager as GenerationJobManager).close();
  server.close();
});

function programOf(uri: string): string {
  const compiled = compiledPrograms();
  const block = blocks.find(({ code }) => code.includes("from '@librechat/agents'"));
  mkdirSync(folder, { recursive: true });
  cpSync(join(compiled, `${block?.name}.js`), join(folder, 'program.js'));
  const program = readFileSync(join(folder, 'program.js'), 'utf8')
    .replace("'mongodb://mongo/chat'", `'${uri}', { dbName: '${dbName()}' }`)
    .replace('mongo: mongoose.connection', 'mongo: mongoose.connection, importPeer')
    .replace('export {};', 'export { manager };');
  writeFileSync(join(folder, 'program.js'), program);
  return join(folder, 'program.js');
}
