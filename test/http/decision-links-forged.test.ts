/** Tokens that are none, or say other than they were made with: what is wrong with one is told to nobody. */
import { createHmac } from 'node:crypto';
import { createStreamServices } from 'generation-jobs';
import { createDecisionLinks, type TokenKeys } from 'generation-jobs/decision-links';
import { issueRunToken } from 'generation-jobs/worker/gateway';
import { exportJWK, exportSPKI, generateKeyPair, SignJWT } from 'jose';
import { describe, expect, it } from 'vitest';
import { ask, expectUnchanged } from './asking.js';
import { claimsOf, forged, KEYS, linkTo, look, press, serveLinks, submit } from './linking.js';
import { codeOf, startJob, watchedStore } from './serving.js';

const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');

describe('A token that is not one of ours', () => {
  it('is told nothing but that, whatever is wrong with it, and no store is looked at (A30)', async () => {
    const services = createStreamServices();
    const { store, calls } = watchedStore(services.jobStore);
    const served = await serveLinks({ services: { ...services, jobStore: store } });
    await ask(served);
    const worker = await startJob(served.manager, 'other');
    const { token: runToken } = await issueRunToken(worker, { keys: KEYS, agentId: 'a' });
    const { token } = await linkTo(served, { decision: 'approve' });
    const claims = claimsOf(token);
    const [head = '', body = '', signature = ''] = token.split('.');
    const now = Math.floor(Date.now() / 1000);
    const wrong: readonly string[] = [
      ...['', 'x', '..', `${head}.${body}.`, `${head}.${body}`, `${token}A`, ` ${token}`, 'x'.repeat(9_000)],
      `${head}.${part({ ...claims, sub: 'bob' })}.${signature}`,
      ...['none', 'None', 'NONE'].map(
        (alg) => `${part({ alg, kid: 'k1', typ: 'decision-link+jwt' })}.${body}.`,
      ),
      await forged(claims, {}, 'y'.repeat(32)),
      await forged(claims, { kid: 'k2' }),
      await forged(claims, { kid: '' }),
      await forged(claims, { alg: 'HS512' }, 'x'.repeat(64)),
      await forged(claims, { typ: 'JWT' }),
      runToken,
      ...(await Promise.all(
        [
          { aud: 'generation-jobs/worker' },
          { aud: undefined },
          { iss: 'somebody' },
          { iss: undefined },
          { jti: undefined },
          { iat: undefined },
          { exp: undefined },
          { exp: 'later' },
          { exp: now - 60, aud: 'x' },
          { sub: undefined },
          { sub: '' },
          { stream: '../s' },
          { tenant: 'a/b' },
          { generation: 0 },
          { generation: '1' },
          { action: '' },
          { digest: undefined },
          { decisions: ['edit'] },
          { decisions: 'approve' },
          { answers: [[-1]] },
        ].map((one) => forged({ ...claims, ...(one as object) })),
      )),
    ];
    await expectUnchanged(served.manager, async () => {
      calls.length = 0;
      const [first] = wrong as [string];
      const asked = await press(served, { token: first });
      const seen = [await look(served, first), await look(served, first, { asPage: true })];
      expect([asked.status, codeOf(asked)]).toEqual([404, 'link_invalid']);
      for (const one of wrong) {
        const told = [await press(served, { token: one }), await look(served, one)];
        expect([one.slice(0, 80), ...told.map(plainly)]).toEqual([
          one.slice(0, 80),
          plainly(asked),
          plainly(asked),
        ]);
        const pages = [await look(served, one, { asPage: true }), await submit(served, { token: one })];
        for (const page of pages) expect([page.status, page.text]).toEqual([404, seen[1]?.text]);
      }
      expect(calls).toEqual([]);
    });
    expect(served.logged.filter((line) => line.includes('link'))).toEqual([]);
    expect((await press(served, { token })).status).toBe(200);
    await served.manager.abortJob('other');
  });

  it('is not made by a key’s public half, nor one that brings its own (A30)', async () => {
    const pair = await generateKeyPair('ES256', { extractable: true });
    const jwk = { ...(await exportJWK(pair.privateKey)), kid: 'k', alg: 'ES256' };
    const served = await serveLinks({ links: { keys: { keys: [jwk] } } });
    await ask(served);
    const { token } = await linkTo(served, { decision: 'approve' });
    const claims = claimsOf(token);
    const open = await exportSPKI(pair.publicKey);
    const unsigned = `${part({ alg: 'HS256', kid: 'k', typ: 'decision-link+jwt' })}.${part(claims)}`;
    const mac = createHmac('sha256', open).update(unsigned).digest('base64url');
    const own = await generateKeyPair('ES256', { extractable: true });
    const header = { alg: 'ES256', kid: 'k', typ: 'decision-link+jwt', jwk: await exportJWK(own.publicKey) };
    const brought = await new SignJWT(claims).setProtectedHeader(header).sign(own.privateKey);
    for (const one of [`${unsigned}.${mac}`, brought])
      expect(codeOf(await press(served, { token: one }))).toBe('link_invalid');
    expect((await press(served, { token })).status).toBe(200);
  });
});

it('keys are rotated: the first signs, each verifies, and one that is taken out verifies no more (A30)', async () => {
  const [old, next] = [KEYS[0], { id: 'k2', secret: 'y'.repeat(32) }];
  const keys = [old] as { id: string; secret: string }[];
  const served = await serveLinks({ links: { keys: keys as TokenKeys } });
  await ask(served);
  const { token } = await linkTo(served);
  keys.unshift(next);
  const newer = await linkTo(served);
  for (const one of [token, newer.token]) expect((await look(served, one)).status).toBe(200);
  keys.pop();
  expect(codeOf(await look(served, token))).toBe('link_invalid');
  expect((await look(served, newer.token)).status).toBe(200);
});

it('a link for arguments or a run that are not those pending changes nothing, and says so (L142)', async () => {
  const served = await serveLinks({ manager: { hooks: { beforeResolve: () => ({ fingerprint: 'm' }) } } });
  await ask(served, { fingerprint: 'm' });
  const record = await served.manager.getJob('chat-1');
  const action = record?.pendingAction;
  if (!record || !action) throw new Error('nothing is asked');
  await expectUnchanged(served.manager, async () => {
    for (const [changed, code] of [
      [{ payloadDigest: 'another' }, 'payload_changed'],
      [{ fingerprint: 'other' }, 'fingerprint_mismatch'],
      [{ actionId: 'other' }, 'generation_ended'],
    ] as const) {
      const input = { record, action: { ...action, ...changed }, user: 'ann' };
      const { token } = await served.links.createDecisionLink(input);
      const told = [await press(served, { token, decision: 'approve' }), await look(served, token)];
      expect(told.map(codeOf)).toEqual([code, code]);
    }
  });
});

describe('A link is not made', () => {
  const links = createDecisionLinks({ keys: KEYS, url: 'https://chat.example/decide' });
  const record = { streamId: 's', generation: 1 };
  const request = (id: string, ...allowedDecisions: ('approve' | 'reject' | 'edit' | 'respond')[]) => ({
    ...{ id, name: 't' },
    allowedDecisions,
  });
  const question = (id: string, options: string[], multiSelect = false) => ({
    ...{ id, question: '?', allowText: true, multiSelect },
    options: options.map((value) => ({ value, label: value })),
  });
  const make = (asked: object, input: object = {}) =>
    links.createDecisionLink({
      record,
      action: {
        ...{ actionId: 'a', type: 't', payloadDigest: 'd', requests: [], questions: [] },
        ...{ askedAt: 0, expiresAt: Date.now() + 60_000, ...asked },
      },
      user: 'ann',
      ...input,
    });

  it.each([
    ['nothing is asked', {}, {}, 'neither requests nor questions'],
    [
      'not every request allows it',
      { requests: [request('r', 'approve'), request('s', 'reject')] },
      {},
      'approve or reject',
    ],
    [
      'a request allows edits alone',
      { requests: [request('r', 'edit')] },
      { decision: 'approve' },
      'approve',
    ],
    [
      'one request does not allow it',
      { requests: [request('r', 'approve', 'reject'), request('s', 'approve')] },
      { decision: 'reject' },
      'reject',
    ],
    [
      'there is nothing to approve',
      { questions: [question('q', ['a'])] },
      { decision: 'approve' },
      'no requests',
    ],
    ['no answer is fixed', { questions: [question('q', ['a'])] }, {}, '"q"'],
    [
      'a question is answered in words',
      { questions: [question('q', [])] },
      { answers: [{ id: 'q', selected: ['a'] }] },
      'in words',
    ],
    [
      'an answer is no option',
      { questions: [question('q', ['a'])] },
      { answers: [{ id: 'q', selected: ['b'] }] },
      '"q"',
    ],
    [
      'an answer is empty',
      { questions: [question('q', ['a'])] },
      { answers: [{ id: 'q', selected: [] }] },
      '"q"',
    ],
    [
      'one is to be chosen',
      { questions: [question('q', ['a', 'b'])] },
      { answers: [{ id: 'q', selected: ['a', 'b'] }] },
      '"q"',
    ],
    [
      'an option is chosen twice',
      { questions: [question('q', ['a', 'b'], true)] },
      { answers: [{ id: 'q', selected: ['a', 'a'] }] },
      '"q"',
    ],
    [
      'an answer is to nothing asked',
      { questions: [question('q', ['a'])] },
      { answers: [{ id: 'x', selected: ['a'] }] },
      '"x"',
    ],
    [
      'one of two questions is left',
      { questions: [question('q', ['a']), question('p', ['b'])] },
      { answers: [{ id: 'q', selected: ['a'] }] },
      '"p"',
    ],
  ])('when %s (L143)', async (_what, asked, input, says) => {
    const error = await make(asked, input).catch((thrown: Error & { code: string }) => thrown);
    expect(error).toMatchObject({ code: 'decision_not_linkable', message: expect.stringContaining(says) });
  });

  it('for what has expired, and never lives longer than its action (L143)', async () => {
    const requests = [request('r', 'approve', 'reject')];
    await expect(make({ requests, expiresAt: 1 })).rejects.toMatchObject({ code: 'action_expired' });
    await expect(make({ requests }, { expiresAt: 1 })).rejects.toMatchObject({ code: 'invalid_argument' });
    const expiresAt = Date.now() + 5_000;
    const made = await make({ requests, expiresAt }, { expiresAt: expiresAt + 60_000 });
    expect(made.expiresAt).toBe(Math.ceil(expiresAt / 1000) * 1000);
  });

  it('by what can’t sign, or for an address that is none', async () => {
    const pair = await generateKeyPair('ES256', { extractable: true });
    const open = { keys: [{ ...(await exportJWK(pair.publicKey)), kid: 'k', alg: 'ES256' }] };
    const verifies = createDecisionLinks({ keys: open, url: 'https://chat.example/decide' });
    const action = {
      ...{ actionId: 'a', type: 't', payloadDigest: 'd', requests: [request('r', 'approve')], questions: [] },
      ...{ askedAt: 0, expiresAt: Date.now() + 60_000 },
    };
    await expect(verifies.createDecisionLink({ record, action, user: 'ann' })).rejects.toMatchObject({
      code: 'invalid_options',
    });
    for (const url of ['/decide', 'ftp://x/decide', 'https://x/decide?a=1', 'https://x/#', 'https://u:p@x/'])
      expect(() => createDecisionLinks({ keys: KEYS, url })).toThrow('url');
  });
});

function plainly({ status, text, headers }: { status: number; text: string; headers: Headers }) {
  return { status, text, headers: [...headers].filter(([name]) => name !== 'date') };
}
