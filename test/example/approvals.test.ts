/**
 * What the example asks a person, and what it does with the answer, over plain HTTP on the built server: the recorded
 * approvals, the questions, and several calls at once.
 */
import type { Decision, JobRecord, PendingAction, PublicAction } from 'generation-jobs';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import {
  type ChatContent,
  foldContent,
  initialContent,
} from '../../examples/chat/page/content/chat-content.js';
import { judge } from '../../examples/chat/playing/judgement.js';
import {
  ChatClient,
  providerEvents,
  recordedEvents,
  recordedText,
  type Said,
  type WireEvent,
} from '../support/chat-client.js';
import { type ChatProcess, startChat } from '../support/chat-process.js';

const FAST = 1_000_000;
/** Saving follows the end of an answer. */
const WAIT = { interval: 20, timeout: 30_000 };
const FIRST = 'openai-responses.mcp-approval.1';
const CONTINUED = [
  [FIRST, 'openai-responses.mcp-approval.2'],
  ['openai-responses.mcp-approval.3', 'openai-responses.mcp-approval.4'],
] as const;

let chat: ChatProcess;
let users = 0;

beforeAll(async () => {
  chat = await startChat();
});

afterAll(async () => {
  expect(await chat.stop()).toBe(0);
});

function newUser(): ChatClient {
  return new ChatClient(chat.url, `user-${++users}`);
}

interface Asked {
  readonly user: ChatClient;
  readonly streamId: string;
  readonly events: WireEvent[];
  readonly action: PublicAction;
}

async function ask(recording: string, user = newUser()): Promise<Asked> {
  const { streamId } = await user.start({ text: 'Please', recording, tokensPerSecond: FAST });
  return { user, streamId, ...(await user.untilAsked(streamId)) };
}

/** Decides, and gives all events of the answer; those before the decision must be as they were. */
async function decided({ user, streamId, action, events: before }: Asked, said: Said): Promise<WireEvent[]> {
  const response = await user.decide(streamId, action, said);
  expect([response.status, await response.json()]).toEqual([
    202,
    { resumed: true, streamId, actionId: action.actionId },
  ]);
  const events = await user.follow(streamId);
  expect(events.slice(0, before.length)).toEqual(before);
  expect(events.map(({ id }) => id.split('-')[1])).toEqual(events.map((_, index) => String(index + 1)));
  return events;
}

function onOnly({ requests: [request] }: PublicAction, decision: Omit<Decision, 'id'>): Said {
  return { decisions: [{ id: request?.id ?? '', ...decision }] };
}

function names(events: readonly WireEvent[]): string[] {
  return events.map(({ event }) => event);
}

async function refusal(response: Response): Promise<[status: number, code: string]> {
  const { error } = (await response.json()) as { error: { code: string } };
  return [response.status, error.code];
}

const times = (count: number, name: string) => Array.from({ length: count }, () => name);

describe('the recorded approval', () => {
  it.each(CONTINUED)('of %s is asked after every recorded event', async (recording) => {
    const recorded = recordedEvents(recording) as { item?: Record<string, string> }[];
    const call = recorded.find(({ item }) => item?.type === 'mcp_approval_request')?.item;
    const asked = await ask(recording);
    expect(names(asked.events)).toEqual([
      'created',
      ...times(recorded.length, 'provider'),
      'requires_action',
    ]);
    expect(providerEvents(asked.events)).toEqual(recorded);
    expect(asked.action).toMatchObject({
      type: 'tool_approval',
      questions: [],
      requests: [
        {
          id: call?.id,
          name: 'create_short_url',
          description: expect.stringContaining('shortened URL'),
          arguments: JSON.parse(call?.arguments ?? ''),
          allowedDecisions: ['approve', 'reject', 'edit', 'respond'],
        },
      ],
    });
    const status = await asked.user.json(`/status/${asked.streamId}`);
    expect(status).toMatchObject({ active: true, status: 'requires_action', pendingAction: asked.action });
    expect(JSON.stringify([status, asked.events])).not.toMatch(/fingerprint|resumeContext/);
  });

  it.each(CONTINUED)('of %s, when given, goes on with every event of %s', async (recording, next) => {
    const asked = await ask(recording);
    const events = await decided(asked, onOnly(asked.action, { decision: 'approve' }));
    expect(providerEvents(events)).toEqual([...recordedEvents(recording), ...recordedEvents(next)]);
    expect(names(events)).toEqual([
      ...names(asked.events),
      'resumed',
      ...times(recordedEvents(next).length, 'provider'),
      'completed',
    ]);
    expect(events.at(-1)?.data.final.text).toBe(recordedText(next));
  });

  it('that is refused is answered in one event with the reason, and completes', async () => {
    const asked = await ask(FIRST);
    const said = onOnly(asked.action, { decision: 'reject', reason: 'No link\nshorteners here' });
    const rest = (await decided(asked, said)).slice(asked.events.length);
    expect(names(rest)).toEqual(['resumed', 'text', 'completed']);
    expect(rest[1]?.data.text).toContain('> No link\n> shorteners here');
    expect(rest[2]?.data.final.text).toBe(rest[1]?.data.text);
  });

  it('that is answered by hand shows the text as the result, and completes', async () => {
    const asked = await ask(FIRST);
    const said = onOnly(asked.action, { decision: 'respond', text: 'https://zip1.io/mine' });
    const rest = (await decided(asked, said)).slice(asked.events.length);
    expect(names(rest)).toEqual(['resumed', 'text', 'completed']);
    expect(rest[1]?.data.text).toContain('> https://zip1.io/mine');
  });

  it('that is edited shows the arguments, then goes on', async () => {
    const asked = await ask(FIRST);
    const edited = { url: 'https://example.com/', max_clicks: 7 };
    const events = await decided(asked, onOnly(asked.action, { decision: 'edit', arguments: edited }));
    const next = recordedEvents(CONTINUED[0][1]);
    expect(names(events.slice(asked.events.length))).toEqual([
      'resumed',
      'text',
      ...times(next.length, 'provider'),
      'completed',
    ]);
    expect(events[asked.events.length + 1]?.data.text).toContain(JSON.stringify(edited, null, 2));
    expect(providerEvents(events)).toEqual([...recordedEvents(FIRST), ...next]);
  });

  it('counts the tokens of both turns once', async () => {
    const asked = await ask(FIRST);
    await decided(asked, onOnly(asked.action, { decision: 'approve' }));
    const spent = [FIRST, CONTINUED[0][1]].flatMap(recordedEvents) as { response?: { usage?: Tokens } }[];
    const sum = (key: keyof Tokens) =>
      spent.reduce((total, { response }) => total + (response?.usage?.[key] ?? 0), 0);
    const { usage } = await asked.user.json<{ usage: Tokens }>(`/status/${asked.streamId}`);
    expect(usage).toEqual({ input_tokens: sum('input_tokens'), output_tokens: sum('output_tokens') });
  });
});

interface Tokens {
  readonly input_tokens: number;
  readonly output_tokens: number;
}

describe('what is made up for the example', () => {
  it('asks two questions, and answers by what was selected', async () => {
    const asked = await ask('demo.question');
    expect(asked.action).toMatchObject({
      type: 'ask_user_question',
      requests: [],
      questions: [
        { id: 'where', multiSelect: false, allowText: true },
        { id: 'what', multiSelect: true, allowText: false },
      ],
    });
    const introduction = asked.events.filter(({ event }) => event === 'text');
    expect(introduction.length).toBeGreaterThan(5);
    const answers = [
      { id: 'where', selected: ['mountains'], text: 'Not too high' },
      { id: 'what', selected: ['food', 'music'] },
    ];
    const end = (await decided(asked, { answers })).at(-1)?.data.final.text;
    for (const words of ['The mountains', '> Not too high', 'Good food, Music']) expect(end).toContain(words);
    expect(end.startsWith(introduction.map(({ data }) => data.text).join(''))).toBe(true);
  });

  it('asks for three calls, which are decided together or not at all', async () => {
    const asked = await ask('demo.batch');
    const { user, streamId, action } = asked;
    const decisions: Decision[] = [
      { id: 'mail', decision: 'respond', text: 'They know' },
      { id: 'calendar', decision: 'edit', arguments: { to: '11:00' } },
    ];
    const partly = await user.decide(streamId, action, { decisions });
    expect(await refusal(partly)).toEqual([400, 'request_undecided']);
    const notAllowed = [...decisions, { id: 'room', decision: 'respond', text: 'No' } as const];
    expect(await refusal(await user.decide(streamId, action, { decisions: notAllowed }))).toEqual([
      400,
      'decision_not_allowed',
    ]);
    const events = await decided(asked, { decisions: [...decisions, { id: 'room', decision: 'reject' }] });
    const { text } = events.at(-1)?.data.final ?? {};
    for (const words of ['> They know', '"to": "11:00"', '**cancel_room** was not approved'])
      expect(text).toContain(words);
  });

  it('is listed, and named among what can be asked for', async () => {
    const { demos } = await newUser().json<{ demos: string[] }>('/recordings');
    const response = await newUser().post('', { text: 'Hi', recording: 'nobody' });
    const { error } = (await response.json()) as { error: { message: string } };
    for (const name of demos) expect(error.message).toContain(name);
  });
});

describe('a decision', () => {
  it.each([
    ['a banned word in a reason', { decision: 'reject', reason: 'It is Hunter2' }],
    ['a blank reason', { decision: 'reject', reason: ' \n' }],
    ['too long a text', { decision: 'respond', text: 'a'.repeat(4001) }],
    [
      'a banned word deep in the arguments',
      { decision: 'edit', arguments: { url: ['a', { b: 'hunter2' }] } },
    ],
  ] satisfies [string, Omit<Decision, 'id'>][])(
    'with %s is refused and changes nothing',
    async (_, decision) => {
      const asked = await ask(FIRST);
      const { user, streamId, action } = asked;
      const response = await user.decide(streamId, action, onOnly(action, decision));
      expect(await refusal(response)).toEqual([403, 'action_refused']);
      expect(await user.json(`/status/${streamId}`)).toMatchObject({ pendingAction: action });
      await decided(asked, onOnly(action, { decision: 'approve' }));
    },
  );

  it('is judged by the run as it would go on now', () => {
    const proposed = {
      ...{ decisions: [], answers: [], by: 'user', context: undefined },
      record: { metadata: { recording: 'one' } } as unknown as JobRecord,
      action: {} as PendingAction,
    };
    const fingerprintWith = (run: object) => judge(proposed, new Map([['one', { run, after: vi.fn() }]]));
    expect(fingerprintWith({ version: 1 })).toEqual(fingerprintWith({ version: 1 }));
    expect(fingerprintWith({ version: 1 })).not.toEqual(fingerprintWith({ version: 2 }));
    expect(judge(proposed, new Map())).toEqual({ fingerprint: undefined });
  });

  it('that comes second is told who was first and what they said, unless it is the first one asked again', async () => {
    const asked = await ask(FIRST);
    const { user, streamId, action } = asked;
    const said = { ...onOnly(action, { decision: 'reject' }), idempotencyKey: 'mine' };
    await decided(asked, said);
    const again = await user.decide(streamId, action, said);
    expect(again.status).toBe(202);
    const second = await user.decide(streamId, action, onOnly(action, { decision: 'approve' }));
    expect([second.status, await second.json()]).toMatchObject([
      409,
      {
        error: {
          code: 'action_decided',
          outcome: { actionId: action.actionId, by: `user-${users}`, decisions: said.decisions },
        },
      },
    ]);
  });

  it('is in the saved conversation as in the status and in the events', async () => {
    const asked = await ask('demo.batch');
    const { user, streamId, action } = asked;
    const decisions = action.requests.map(({ id }) => ({ id, decision: 'approve' as const }));
    const events = await decided(asked, { decisions });
    const folded = events.slice(0, -1).reduce<ChatContent>(foldContent, initialContent());
    expect(folded.actions).toMatchObject([
      { action: { requests: action.requests }, decided: { by: `user-${users}`, decisions } },
    ]);
    expect(await user.json(`/status/${streamId}`)).toMatchObject({ content: folded });
    await vi.waitFor(async () => {
      const saved = await user.json(`/conversations/${streamId}`);
      expect(saved).toMatchObject({ turns: [{ ...folded, status: 'completed' }] });
    }, WAIT);
  });

  it('is nobody else’s to make', async () => {
    const { streamId, action } = await ask(FIRST);
    const response = await newUser().decide(streamId, action, onOnly(action, { decision: 'approve' }));
    expect(await refusal(response)).toEqual([404, 'stream_not_found']);
  });
});

it('what nobody decides in time expires, and stands so in the conversation', async () => {
  const hasty = await startChat({ env: { APPROVAL_MS: '300' } });
  try {
    const user = new ChatClient(hasty.url, 'user');
    const { streamId } = await user.start({ recording: 'demo.question', tokensPerSecond: FAST });
    const events = await user.follow(streamId);
    expect(names(events.slice(-2))).toEqual(['requires_action', 'aborted']);
    expect(events.at(-1)?.data).toMatchObject({ code: 'expired', final: { text: expect.any(String) } });
    const { action } = events.at(-2)?.data ?? {};
    expect(action.expiresAt - action.askedAt).toBe(300);
    const late = await user.decide(streamId, action, { answers: [] });
    expect(await refusal(late)).toEqual([410, 'action_expired']);
    await vi.waitFor(async () => {
      const saved = await user.json(`/conversations/${streamId}`);
      expect(saved).toMatchObject({
        turns: [{ status: 'aborted', code: 'expired', actions: [{ action: { actionId: action.actionId } }] }],
      });
    }, WAIT);
  } finally {
    expect(await hasty.stop()).toBe(0);
  }
});
