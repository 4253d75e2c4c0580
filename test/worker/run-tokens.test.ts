/** The keys of run tokens, and what is no token of theirs, however well it is made. */
import { createHmac } from 'node:crypto';
import {
  type IssueRunTokenOptions,
  issueRunToken,
  type RunTokenKeySet,
  type RunTokenKeys,
  verifyRunToken,
  workerLost,
} from 'generation-jobs/worker/gateway';
import { exportJWK, exportSPKI, generateKeyPair, type JWK, SignJWT } from 'jose';
import { describe, expect, it } from 'vitest';
import { handedOver, KEYS, post, startGateway, startJob } from './gateway.js';

const text = (delta: string) => ({ event: 'text', data: { delta } });
const inTokens = { stream: 's', generation: 1, attempt: 1, agent: 'writer', lease: 120_000 };

async function pairOf(alg: string, kid: string) {
  const pair = await generateKeyPair(alg, { extractable: true });
  const [own, open] = await Promise.all([pair.privateKey, pair.publicKey].map((key) => exportJWK(key)));
  return {
    ...{ publicKey: pair.publicKey, privateKey: pair.privateKey },
    own: { ...own, kid, alg } as JWK,
    open: { ...open, kid, alg } as JWK,
  };
}

async function issued(keys: RunTokenKeys, options: Partial<IssueRunTokenOptions> = {}): Promise<string> {
  const gateway = await startGateway();
  return (await handedOver(gateway, { keys, ...options })).token;
}

const headerOf = (token: string) =>
  JSON.parse(Buffer.from(token.split('.', 1)[0] ?? '', 'base64url').toString());

describe.each(['ES256', 'RS256', 'EdDSA'])('a key set of %s', (alg) => {
  it('signs and verifies by one private key, and verifies by its public half elsewhere', async () => {
    const { own, open } = await pairOf(alg, 'k');
    const token = await issued({ keys: [own] });
    expect(headerOf(token)).toMatchObject({ alg, kid: 'k' });
    for (const key of [own, open])
      expect(await verifyRunToken(token, { keys: { keys: [key] } })).toMatchObject({
        ...{ userId: 'ann', streamId: 's', attempt: 1, agentId: 'writer' },
      });
  });

  it('is rotated: the first that can sign signs, each of them verifies', async () => {
    const [old, next] = [await pairOf(alg, 'old'), await pairOf(alg, 'next')];
    const keys: RunTokenKeySet = { keys: [next.open, old.own] };
    const token = await issued(keys);
    expect(headerOf(token).kid).toBe('old');
    expect(await verifyRunToken(token, { keys: { keys: [next.own, old.open] } })).toMatchObject({
      streamId: 's',
    });
    await expect(verifyRunToken(token, { keys: { keys: [next.own] } })).rejects.toMatchObject({
      code: 'token_invalid',
    });
  });
});

it('a gateway with a key set renews what it verifies', async () => {
  const { own } = await pairOf('ES256', 'k');
  const keys = { keys: [own] };
  const gateway = await startGateway({ routes: { keys } });
  const { token } = await handedOver(gateway, { keys });
  const renewed = await post(gateway, 'token', token, {});
  expect(renewed).toMatchObject({ status: 200, body: { attempt: 1 } });
  expect(await post(gateway, 'heartbeat', renewed.body.token, {})).toMatchObject({ status: 200 });
});

describe('a token is refused', () => {
  it('whose algorithm is another than its key’s, though its bytes are the key’s own', async () => {
    const { own, open, publicKey } = await pairOf('RS256', 'k');
    const keys = { keys: [own] };
    const claims = { ...inTokens, sub: 'ann', aud: 'generation-jobs/worker', exp: Date.now() / 1000 + 60 };
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const unsigned = (alg: string) => `${part({ alg, kid: 'k' })}.${part(claims)}`;
    const hmac = (secret: string) =>
      `${unsigned('HS256')}.${createHmac('sha256', secret).update(unsigned('HS256')).digest('base64url')}`;
    const forged = [
      hmac(await exportSPKI(publicKey)),
      hmac(JSON.stringify(open)),
      hmac(open.n ?? ''),
      `${unsigned('none')}.`,
      `${unsigned('None')}.x`,
      `${unsigned('RS256')}.`,
    ];
    for (const token of forged)
      await expect(verifyRunToken(token, { keys })).rejects.toMatchObject({ code: 'token_invalid' });
  });

  it('that brings its own key, names none, or names one that is not there', async () => {
    const [theirs, ours] = [await pairOf('ES256', 'k'), await pairOf('ES256', 'k')];
    const sign = (header: object) =>
      new SignJWT(inTokens)
        .setProtectedHeader({ alg: 'ES256', ...header })
        .setSubject('ann')
        .setAudience('generation-jobs/worker')
        .setExpirationTime('1m')
        .sign(theirs.privateKey);
    for (const header of [{ kid: 'k', jwk: theirs.open }, {}, { kid: 'other' }, { kid: '' }])
      await expect(verifyRunToken(await sign(header), { keys: { keys: [ours.own] } })).rejects.toMatchObject({
        code: 'token_invalid',
      });
  });

  it('that has no expiry, no user, or claims that are none', async () => {
    const sign = (claims: object) => {
      const token = new SignJWT({ sub: 'ann', aud: 'generation-jobs/worker', ...inTokens, ...claims });
      return token.setProtectedHeader({ alg: 'HS256', kid: 'k1' }).sign(Buffer.from(KEYS[0].secret));
    };
    const exp = Math.floor(Date.now() / 1000) + 60;
    expect(await verifyRunToken(await sign({ exp }), { keys: KEYS })).toMatchObject({ streamId: 's' });
    for (const wrong of [
      {},
      { exp, sub: undefined },
      { exp, sub: '' },
      { exp, stream: '../s' },
      { exp, generation: '1' },
      { exp, attempt: 0 },
      { exp, lease: 1e12 },
      { exp, agent: '' },
      { exp, tenant: 'a/b' },
    ])
      await expect(verifyRunToken(await sign(wrong), { keys: KEYS })).rejects.toMatchObject({
        code: 'token_invalid',
      });
  });

  it('of another audience, unless that is asked for; and after its expiry, unless a grace is given', async () => {
    const sign = (exp: number) =>
      new SignJWT({ ...inTokens, sub: 'ann', aud: 'mine', exp: Math.floor(Date.now() / 1000) + exp })
        .setProtectedHeader({ alg: 'HS256', kid: 'k1' })
        .sign(Buffer.from(KEYS[0].secret));
    const token = await sign(3_600);
    await expect(verifyRunToken(token, { keys: KEYS })).rejects.toMatchObject({ code: 'token_invalid' });
    const mine = { keys: KEYS, audience: 'mine' };
    expect(await verifyRunToken(token, mine)).toMatchObject({ streamId: 's' });
    const expired = await sign(-3_600);
    await expect(verifyRunToken(expired, mine)).rejects.toMatchObject({ code: 'token_expired' });
    expect(await verifyRunToken(expired, { ...mine, graceMs: 7_200_000 })).toMatchObject({ streamId: 's' });
  });
});

describe('keys that can’t do what they are for are refused before anything is handed over', () => {
  const oct = (bytes: number, alg: string): JWK => ({
    ...{ kty: 'oct', k: Buffer.alloc(bytes, 1).toString('base64url'), kid: 'k', alg },
  });

  it.each([
    ['a secret of a set that is too short', () => oct(31, 'HS256')],
    ['a secret of a set that is too short for its algorithm', () => oct(32, 'HS512')],
    ['no algorithm of signatures', () => oct(32, 'A128KW')],
    ['no algorithm at all', () => oct(32, 'none')],
    ['a key for encryption', async () => ({ ...(await pairOf('RS256', 'k')).own, alg: 'RSA-OAEP' })],
    ['a key that is another’s kind', async () => ({ ...(await pairOf('ES256', 'k')).own, alg: 'RS256' })],
    ['a public key alone', async () => (await pairOf('ES256', 'k')).open],
  ])('%s', async (_, key) => {
    const gateway = await startGateway();
    const job = await startJob(gateway.manager);
    const keys = { keys: [await key()] };
    await expect(issueRunToken(job, { keys, agentId: 'writer' })).rejects.toMatchObject({
      code: 'invalid_options',
    });
    expect(job.isOver).toBe(false);
    await job.complete();
  });

  it('a secret of a set that is long enough is one', async () => {
    const keys = { keys: [oct(64, 'HS512')] };
    expect(await verifyRunToken(await issued(keys), { keys })).toMatchObject({ streamId: 's' });
  });
});

it('a token of an attempt that was taken over changes nothing, and is told so', async () => {
  const gateway = await startGateway({
    manager: { hooks: { recover: (job) => issueRunToken(job, { keys: KEYS, agentId: 'second' }) } },
  });
  const { token, streamId, generation } = await handedOver(gateway);
  expect(await gateway.manager.getJob('s')).toMatchObject({ attempt: 1 });
  await workerLost(gateway.manager, { streamId, generation, attempt: 1 });
  await expect.poll(async () => (await gateway.manager.getJob('s'))?.attempt).toBe(2);
  const before = (await gateway.manager.getJob('s'))?.lastSequence ?? 0;
  for (const [path, body] of [
    ['events', { after: before, events: [text('late')] }],
    ['heartbeat', {}],
    ['token', {}],
  ] as const) {
    const answer = await post(gateway, path, token, body);
    expect([path, answer.status, answer.body.error.code]).toEqual([path, 409, 'fenced']);
  }
  const transcript = await fetch(`${gateway.url}/transcript/snapshot`, {
    headers: { authorization: `Bearer ${token}` },
  });
  expect([transcript.status, ((await transcript.json()) as { error: { code: string } }).error.code]).toEqual([
    409,
    'fenced',
  ]);
  expect((await gateway.manager.getJob('s'))?.lastSequence).toBe(before);
  await gateway.manager.abortJob('s');
});
