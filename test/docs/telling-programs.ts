/** The recipes that tell a person elsewhere, against a mail server and a Slack of the test's own, on loopback. */
import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import {
  createServer as createHttpServer,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import { type AddressInfo, createServer, type Server as SocketServer } from 'node:net';
import express from 'express';
import { createStreamServices, GenerationJobManager, type PausedInput } from 'generation-jobs';
import {
  createDecisionLinks,
  createDecisionRouter,
  type DecisionLinks,
} from 'generation-jobs/decision-links';
import { expect, vi } from 'vitest';

const SECRET = 'a signing secret of Slack';

/** A chat whose answer waits: its links, its decision route, and the pause as the hook is told of it. */
async function waiting(
  use: (chat: {
    paused: PausedInput;
    links: DecisionLinks;
    decide: string;
    by: () => Promise<unknown>;
  }) => Promise<void>,
) {
  const pauses: PausedInput[] = [];
  const hooks = { onPaused: (paused: PausedInput) => void pauses.push(paused) };
  const manager = new GenerationJobManager({ ...createStreamServices(), hooks });
  const app = express();
  const server = createHttpServer(app);
  const decide = `${await listen(server)}/decide`;
  const links = createDecisionLinks({ keys: [{ id: 'k', secret: 'x'.repeat(32) }], url: decide });
  app.use(createDecisionRouter(manager, { links, onResume: () => {} }));
  try {
    const created = await manager.createJob({ streamId: 's', userId: 'ann' });
    if (!created.started) throw new Error('taken');
    await created.job.pause({ type: 'tool_approval', requests: [{ id: 'r', name: 'pay' }] });
    await expect.poll(() => pauses.length).toBe(1);
    const by = async () =>
      (await manager.approvals.history('s')).map(({ by, via, decisions }) => [
        by,
        via,
        decisions[0]?.decision,
      ]);
    await use({ paused: pauses[0] as PausedInput, links, decide, by });
  } finally {
    await manager.close();
    server.closeAllConnections();
    server.close();
  }
}

/** Sends a mail by the recipe, takes the link out of it, and decides by that. */
export async function mailTold(file: string): Promise<void> {
  const mails: string[] = [];
  const smtp = mailServer((mail) => mails.push(mail));
  await waiting(async ({ paused, links, by }) => {
    vi.stubEnv('SMTP_URL', (await listen(smtp)).replace('http:', 'smtp:'));
    const { sendMail } = await import(file);
    await sendMail(paused, links);
    await sendMail(paused, links);
    const [first = '', second = ''] = mails.map((mail) => mail.replace(/=\r\n/g, '').replace(/=3D/g, '='));
    const idOf = (mail: string) => /^Message-ID:\s+(\S+)/im.exec(mail)?.[1];
    expect(idOf(first)).toMatch(/^<[0-9a-f]{64}@chat\.example\.com>/);
    expect(idOf(second)).toBe(idOf(first));
    expect(first).toMatch(/^To: ann@example\.com/m);
    const [url = ''] = /http:\S+/.exec(first) ?? [];
    const page = await (await fetch(url, { headers: { accept: 'text/html' } })).text();
    expect(page).toContain('<h2>pay</h2>');
    const body = new URLSearchParams({
      token: new URL(url).searchParams.get('token') ?? '',
      decision: 'approve',
    });
    expect((await fetch(url.replace(/\?.*/, ''), { method: 'POST', body })).status).toBe(200);
    expect(await by()).toEqual([['ann', 'link', 'approve']]);
  }).finally(() => {
    smtp.close();
    vi.unstubAllEnvs();
  });
}

/** Sends a message by the recipe, and presses its second button as Slack does; first with a signature that is none. */
export async function slackTold(file: string): Promise<void> {
  const told: { path: string; body: string }[] = [];
  const slack = createHttpServer(async (request: IncomingMessage, response: ServerResponse) => {
    let body = '';
    for await (const chunk of request.setEncoding('utf8')) body += chunk;
    told.push({ path: request.url ?? '', body });
    response.setHeader('content-type', 'application/json').end('{"ok":true}');
  });
  const url = await listen(slack);
  await waiting(async ({ paused, links, decide, by }) => {
    for (const [name, value] of Object.entries({
      SLACK_URL: url,
      SLACK_TOKEN: 't',
      SLACK_SIGNING_SECRET: SECRET,
    }))
      vi.stubEnv(name, value);
    const { sendToSlack, slackActions } = await import(file);
    await sendToSlack(paused, links);
    const { channel, blocks } = JSON.parse(told[0]?.body ?? '');
    const [, { elements }] = blocks;
    expect([told[0]?.path, channel]).toEqual(['/chat.postMessage', 'ann']);
    expect(elements.map(({ action_id }: { action_id: string }) => action_id)).toEqual(['approve', 'reject']);

    const app = createHttpServer(express().use(express.raw({ type: () => true }), slackActions(decide)));
    const actions = await listen(app);
    try {
      const payload = JSON.stringify({ actions: [elements[1]], response_url: `${url}/answer` });
      const body = `${new URLSearchParams({ payload })}`;
      expect((await pressed(actions, body, Date.now() / 1000, 'v0=00')).status).toBe(401);
      expect((await pressed(actions, body, Date.now() / 1000 - 600)).status).toBe(401);
      expect(await by()).toEqual([]);
      for (const text of ['Decided: reject.', 'Decided: reject.']) {
        const before = told.length;
        expect((await pressed(actions, body, Date.now() / 1000)).status).toBe(200);
        await expect.poll(() => told.length).toBe(before + 1);
        expect(JSON.parse(told.at(-1)?.body ?? '')).toEqual({ replace_original: true, text });
      }
      expect(await by()).toEqual([['ann', 'link', 'reject']]);
    } finally {
      app.closeAllConnections();
      app.close();
    }
  }).finally(() => {
    slack.closeAllConnections();
    slack.close();
    vi.unstubAllEnvs();
  });
}

/** Sends what Slack sends when a button is pressed. */
function pressed(url: string, body: string, seconds: number, signature?: string): Promise<Response> {
  const at = `${Math.floor(seconds)}`;
  const signed = `v0=${createHmac('sha256', SECRET).update(`v0:${at}:${body}`).digest('hex')}`;
  const headers = {
    'content-type': 'application/x-www-form-urlencoded',
    'x-slack-request-timestamp': at,
    'x-slack-signature': signature ?? signed,
  };
  return fetch(url, { method: 'POST', headers, body });
}

/** A mail server (RFC 5321) that takes every mail. */
function mailServer(take: (mail: string) => void): SocketServer {
  return createServer((socket) => {
    let text = '';
    let isMail = false;
    const say = (line: string) => socket.write(`${line}\r\n`);
    const hear = (line: string) => {
      if (/^EHLO/i.test(line)) say('250 localhost');
      else if (/^DATA/i.test(line)) {
        isMail = true;
        say('354 go on');
      } else if (/^QUIT/i.test(line)) {
        say('221 bye');
        socket.end();
      } else say('250 ok');
    };
    say('220 localhost');
    socket.setEncoding('utf8').on('error', () => {});
    socket.on('data', (chunk) => {
      text += chunk;
      for (;;) {
        const end = isMail ? '\r\n.\r\n' : '\r\n';
        const at = text.indexOf(end);
        if (at < 0) return;
        const piece = text.slice(0, at);
        text = text.slice(at + end.length);
        if (isMail) {
          isMail = false;
          take(piece);
          say('250 taken');
        } else hear(piece);
      }
    });
  });
}

async function listen(server: Server | SocketServer): Promise<string> {
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
