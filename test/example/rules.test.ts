/** "Always allow" in the example, over plain HTTP on the built server. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ChatClient, recordedText } from '../support/chat-client.js';
import { type ChatProcess, startChat } from '../support/chat-process.js';

const RECORDING = 'openai-responses.mcp-approval.1';
const NEXT = recordedText('openai-responses.mcp-approval.2');

interface Rule {
  readonly ruleId: string;
  readonly tool: string;
  readonly used: number;
}

let chat: ChatProcess;
beforeAll(async () => {
  chat = await startChat();
});
afterAll(async () => {
  expect(await chat.stop()).toBe(0);
});

describe('a call that is always allowed', () => {
  it('L154 is asked about once, then made unasked and told in the answer, until the rule is revoked', async () => {
    const user = new ChatClient(chat.url, 'rules-user');
    const start = () => user.start({ text: 'Please', recording: RECORDING, tokensPerSecond: 1_000_000 });
    const first = await start();
    const { action } = await user.untilAsked(first.streamId);
    const { actionId, payloadDigest, requests } = action;
    const decisions = requests.map(({ id }) => ({ id, decision: 'approve' }));
    const said = { streamId: first.streamId, actionId, payloadDigest, decisions };
    const answer = await user.post('/resume?remember=user', said);
    expect(answer.status).toBe(202);
    await user.follow(first.streamId);

    const second = await start();
    const events = await user.follow(second.streamId);
    const names = events.map(({ event }) => event);
    expect(names).not.toContain('requires_action');
    expect(names.filter((name) => name === 'rule_used')).toHaveLength(1);
    expect(names.at(-1)).toBe('completed');
    expect(events.at(-1)?.data.final.text).toContain(NEXT);

    const [rule] = await user.json<Rule[]>('/rules');
    expect(rule).toMatchObject({ tool: requests[0]?.name, used: 1 });
    const revoked = await user.get(`/rules/${encodeURIComponent(rule?.ruleId ?? '')}`, { method: 'DELETE' });
    expect(await revoked.json()).toEqual({ revoked: true });
    const third = await start();
    expect((await user.untilAsked(third.streamId)).action.requests).toEqual(requests);
  });
});
