/**
 * Being told though no page is open: the example's server pushes to a push service of the test's own, over TLS, which opens what it
 * gets as a browser would (RFC 8291) and hands it to the page's service worker. A button of the notification decides. A browser's own
 * push service is the one part that is not there: Chromium's is a server of its vendor's.
 */
import { execFileSync } from 'node:child_process';
import { createDecipheriv, createECDH, createPublicKey, hkdfSync, randomBytes, verify } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import type { IncomingHttpHeaders } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, BrowserContext, CDPSession, Worker } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ChatPage, launchChromium } from '../support/browser.js';
import { recordedText } from '../support/chat-client.js';
import { type ChatProcess, startChat } from '../support/chat-process.js';

const RECORDING = 'openai-responses.mcp-approval.1';
const NEXT = recordedText('openai-responses.mcp-approval.2');

let folder: string;
let service: Server;
let chat: ChatProcess;
let browser: Browser;
const pushed: { headers: IncomingHttpHeaders; body: Buffer }[] = [];
/** What a browser keeps of a subscription. */
const keys = createECDH('prime256v1');
const auth = randomBytes(16);

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'push-'));
  const [key, certificate] = [join(folder, 'key.pem'), join(folder, 'certificate.pem')];
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'];
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1'];
  execFileSync(
    process.env.OPENSSL_PATH ?? 'openssl',
    ['req', '-x509', '-nodes', '-days', '2', ...curve, '-keyout', key, '-out', certificate, ...subject],
    {
      stdio: 'pipe',
    },
  );
  keys.generateKeys();
  service = createServer(
    { key: readFileSync(key), cert: readFileSync(certificate) },
    async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      pushed.push({ headers: request.headers, body: Buffer.concat(chunks) });
      response.writeHead(201).end();
    },
  );
  await once(service.listen(0, 'localhost'), 'listening');
  chat = await startChat({ env: { PUSH_SERVICES: serviceHost(), NODE_EXTRA_CA_CERTS: certificate } });
  browser = await launchChromium();
});

afterAll(async () => {
  await browser?.close();
  expect(await chat?.stop()).toBe(0);
  service?.closeAllConnections();
  service?.close();
  rmSync(folder, { recursive: true, force: true });
});

function serviceHost(): string {
  return `localhost:${(service.address() as AddressInfo).port}`;
}

it('a notification says that an answer waits, and its button decides, once (L141)', async () => {
  const context = await contextThatSubscribes();
  const page = await ChatPage.open(context, chat.url);
  const isTaken = page.page.waitForResponse((response) => response.url().endsWith('/api/push'));
  await page.page.getByTestId('notify').click();
  expect((await isTaken).status()).toBe(204);
  await page.page.getByTestId('notify').waitFor({ state: 'hidden' });

  await page.sendUntilAsked(RECORDING);
  await expect.poll(() => pushed.length).toBe(1);
  const [message] = pushed;
  if (!message) throw new Error('nothing was pushed');
  expectSigned(message.headers);
  const text = opened(message.body);
  expect(JSON.parse(text)).toMatchObject({
    title: 'An answer waits for you',
    body: 'create_short_url',
    actions: [{ action: 'approve' }, { action: 'reject' }],
  });

  const worker = await workerOf(context);
  await deliver(await context.newCDPSession(page.page), text);
  await expect.poll(() => notificationsOf(worker)).toEqual(['An answer waits for you: create_short_url']);
  await press(worker, 'approve');
  await page.untilCard('decided');
  await page.expectAnswer(NEXT);
  expect(await notificationsOf(worker)).toEqual([]);

  await deliver(await context.newCDPSession(page.page), text);
  await expect.poll(() => notificationsOf(worker)).toHaveLength(1);
  await press(worker, 'reject');
  await expect.poll(() => notificationsOf(worker)).toEqual([expect.stringContaining('Nothing was decided')]);
  expect(page.complaints).toEqual([]);
  await context.close();
});

it('what is no push service of a browser is not pushed to', async () => {
  const subscription = (endpoint: string) => ({
    endpoint,
    keys: { p256dh: keys.getPublicKey('base64url'), auth: auth.toString('base64url') },
  });
  const post = (body: object) =>
    fetch(`${chat.url}/api/push`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-user-id': 'mallory' },
      body: JSON.stringify(body),
    });
  const port = chat.url.split(':').at(-1);
  for (const endpoint of [
    'https://localhost/x',
    `https://localhost:${port}/x`,
    'https://fcm.googleapis.com.evil.example/x',
  ])
    expect((await post(subscription(endpoint))).status).toBe(400);
  for (const endpoint of [`http://${serviceHost()}/x`, 'file:///etc/passwd', 'x'])
    expect((await post(subscription(endpoint))).status).toBe(400);
  expect(
    (await post({ ...subscription(`https://${serviceHost()}/x`), keys: { p256dh: 'x', auth: '' } })).status,
  ).toBe(400);
});

/** A browser whose push service is the test's: subscribing asks nobody else. */
async function contextThatSubscribes(): Promise<BrowserContext> {
  const context = await browser.newContext();
  await context.grantPermissions(['notifications'], { origin: chat.url });
  const subscription = {
    endpoint: `https://${serviceHost()}/browser`,
    keys: { p256dh: keys.getPublicKey('base64url'), auth: auth.toString('base64url') },
  };
  await context.addInitScript(`
    PushManager.prototype.subscribe = async () => (${JSON.stringify(subscription)});
    const given = Notification.permission;
    let asked = false;
    Object.defineProperty(Notification, 'permission', { get: () => (asked ? given : 'default') });
    Notification.requestPermission = async () => ((asked = true), given);
  `);
  return context;
}

async function workerOf(context: BrowserContext): Promise<Worker> {
  return context.serviceWorkers()[0] ?? context.waitForEvent('serviceworker');
}

/** Hands a message to the service worker, as the browser does when its push service has one. */
async function deliver(session: CDPSession, data: string): Promise<void> {
  const registered = new Promise<string>((resolve) => {
    session.on('ServiceWorker.workerRegistrationUpdated', ({ registrations }) => {
      const [one] = registrations;
      if (one) resolve(one.registrationId);
    });
  });
  await session.send('ServiceWorker.enable');
  await session.send('ServiceWorker.deliverPushMessage', {
    origin: chat.url,
    registrationId: await registered,
    data,
  });
  await session.detach();
}

function notificationsOf(worker: Worker): Promise<string[]> {
  return worker.evaluate(
    `self.registration.getNotifications().then((all) => all.map((one) => one.title + ': ' + one.body))`,
  );
}

/** Presses a button of the notification that is shown: the click itself is the system's, outside of any page. */
function press(worker: Worker, action: string): Promise<void> {
  return worker.evaluate(`
    self.registration.getNotifications().then(([notification]) => {
      self.dispatchEvent(new NotificationEvent('notificationclick', { notification, action: '${action}' }));
    })
  `);
}

/** The server has said who it is (RFC 8292), by the key that the page subscribed to. */
function expectSigned(headers: IncomingHttpHeaders): void {
  const [, token = '', key = ''] = /^vapid t=([^,]+), k=(.+)$/.exec(headers.authorization ?? '') ?? [];
  const [head = '', claims = '', signature = ''] = token.split('.');
  const point = Buffer.from(key, 'base64url');
  const [x, y] = [point.subarray(1, 33), point.subarray(33)].map((half) => half.toString('base64url'));
  const open = createPublicKey({ key: { kty: 'EC', crv: 'P-256', x, y } as never, format: 'jwk' });
  const isSigned = verify(
    'sha256',
    Buffer.from(`${head}.${claims}`),
    { key: open, dsaEncoding: 'ieee-p1363' },
    Buffer.from(signature, 'base64url'),
  );
  expect(isSigned).toBe(true);
  expect(JSON.parse(Buffer.from(claims, 'base64url').toString())).toMatchObject({
    aud: `https://${serviceHost()}`,
  });
  expect(headers).toMatchObject({
    'content-encoding': 'aes128gcm',
    topic: expect.stringMatching(/^[\w-]{32}$/),
  });
}

/** Opens a message as a browser does: RFC 8291 over RFC 8188, one record. */
function opened(body: Buffer): string {
  const [salt, length] = [body.subarray(0, 16), body.readUInt8(20)];
  const sender = body.subarray(21, 21 + length);
  const shared = keys.computeSecret(sender);
  const about = Buffer.concat([Buffer.from('WebPush: info\0'), keys.getPublicKey(), sender]);
  const derived = (secret: Buffer, salted: Buffer, info: Buffer, bytes: number) =>
    Buffer.from(hkdfSync('sha256', secret, salted, info, bytes));
  const secret = derived(shared, auth, about, 32);
  const key = derived(secret, salt, Buffer.from('Content-Encoding: aes128gcm\0'), 16);
  const nonce = derived(secret, salt, Buffer.from('Content-Encoding: nonce\0'), 12);
  const sealed = body.subarray(21 + length);
  const decipher = createDecipheriv('aes-128-gcm', key, nonce);
  decipher.setAuthTag(sealed.subarray(-16));
  const padded = Buffer.concat([decipher.update(sealed.subarray(0, -16)), decipher.final()]);
  return padded.subarray(0, padded.lastIndexOf(2)).toString();
}
