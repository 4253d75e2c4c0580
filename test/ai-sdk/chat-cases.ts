/**
 * What a page of the AI SDK gets from the routes of a chat, with one release of it: a real `AbstractChat` over a real
 * `DefaultChatTransport`, against a real server.
 */
import type { Continuation, GenerationJob } from 'generation-jobs';
import { chatOf, chatStreamId, type OnChatResume } from 'generation-jobs/ai-sdk';
import type { UIMessageContent } from 'generation-jobs/content';
import { describe, expect, it } from 'vitest';
import { ADAPTERS, postJson, until } from '../http/serving.js';
import { type AI, openPage, type Page, userMessage } from './chat-page.js';
import { chunksIn, Gate, type ServedChat, saying, serveChat } from './chat-serving.js';

/** A call of a tool that a person is to judge. */
const MAIL = { id: 'call-1', name: 'send_mail', arguments: { to: 'bob', text: 'Hello' } };
const EVERY_DECISION = ['approve', 'reject', 'edit', 'respond'] as const;

/** Streams the call as a model does, and asks whether it may be made. */
async function askFirst(job: GenerationJob, more: object = {}) {
  for await (const data of saying(
    'May I? ',
    { type: 'tool-input-start', toolCallId: MAIL.id, toolName: MAIL.name },
    { type: 'tool-input-available', toolCallId: MAIL.id, toolName: MAIL.name, input: MAIL.arguments },
  )) {
    if (data.type !== 'finish') await job.emit({ event: 'ui', data });
  }
  await job.pause({
    type: 'tool_approval',
    requests: [{ ...MAIL, allowedDecisions: EVERY_DECISION }],
    ...more,
  });
}

/** Does what was decided, as a host would. */
function mailing(sent: unknown[]): OnChatResume {
  return (_job, { action, resolution }: Continuation) => {
    const [decision] = resolution?.decisions ?? [];
    const { id: toolCallId, arguments: asked } = action?.requests[0] ?? MAIL;
    if (decision?.decision === 'reject')
      return saying({ type: 'tool-output-denied', toolCallId }, 'Not sent.');
    if (decision?.decision === 'respond') {
      return saying({ type: 'tool-output-available', toolCallId, output: decision.text }, 'Then not.');
    }
    sent.push(decision?.arguments ?? asked);
    return saying({ type: 'tool-output-available', toolCallId, output: 'sent' }, 'It is sent.');
  };
}

const ready = (page: Page) => until('the page is ready', () => page.status === 'ready');
const settledAnswer = (served: ServedChat, id = 'chat-1') => served.manager.settled(chatStreamId(id));
const recordOf = (served: ServedChat, id = 'chat-1') => served.manager.getJob(chatStreamId(id));
const approvalOf = (page: Page) => page.calls[0]?.approval?.id ?? '';

export function chatCases(name: string, ai: AI) {
  const pageOf = (served: ServedChat, more: Partial<Parameters<typeof openPage>[0]> = {}) =>
    openPage({ ai, api: served.url, ...more });

  describe.each(ADAPTERS)(`a chat of ${name} behind %s`, (adapter) => {
    it('is answered, and the answer has the message id that its record has', async () => {
      const settled: unknown[] = [];
      const settle = ({ record, content }: { record: object; content: unknown }) => {
        settled.push([chatOf(record as never)?.messageId, (content as UIMessageContent).id]);
      };
      const served = await serveChat({ adapter, manager: { hooks: { settle } } });
      const page = pageOf(served);
      await page.sendMessage({ text: 'Hi' }, { body: { model: 'm-1' } });
      expect(page.status).toBe('ready');
      expect(page.text).toBe('Hello there.');
      expect(await settledAnswer(served)).toBe('settled');
      const { id: messageId } = page.messages[1] ?? { id: '' };
      expect(settled).toEqual([[messageId, messageId]]);
      expect(served.asked).toMatchObject([
        {
          id: 'chat-1',
          messageId,
          trigger: 'submit-message',
          body: { model: 'm-1' },
          identity: { userId: 'ann' },
        },
      ]);
      expect(served.asked[0]?.messages).toEqual([page.messages[0]]);
    });

    it('is resumed in mid-answer by the page after a reload, with the same message', async () => {
      const gate = new Gate();
      const served = await serveChat({
        adapter,
        chat: { onMessage: () => saying('Once upon ', gate, 'a time.') },
      });
      const page = pageOf(served);
      const sent = page.sendMessage({ text: 'A story' });
      await until('the first words', () => page.text === 'Once upon ');
      const reloaded = pageOf(served, { messages: page.messages.slice(0, 1) });
      const resumed = reloaded.resumeStream();
      await until('the same words', () => reloaded.text === 'Once upon ');
      gate.open();
      await Promise.all([sent, resumed]);
      expect(reloaded.messages).toEqual(page.messages);
      expect(page.text).toBe('Once upon a time.');
    });

    it('stops its answer by its message id, and changes nothing by a stale one', async () => {
      const gate = new Gate();
      const served = await serveChat({
        adapter,
        chat: { onMessage: () => saying('Once ', gate, 'too much') },
      });
      const page = pageOf(served);
      const sent = page.sendMessage({ text: 'A story' });
      await until('the first word', () => page.text === 'Once ');
      const stop = (body: object) => postJson(`${served.url}/chat-1/stop`, body);
      expect(await stop({ messageId: 'an-older-one' })).toMatchObject({
        status: 409,
        body: { error: { code: 'generation_ended' } },
      });
      expect((await recordOf(served))?.status).toBe('running');
      const messageId = page.lastMessage?.id;
      expect(await stop({ messageId })).toMatchObject({
        status: 200,
        body: { stopped: true, messageId, status: 'aborted' },
      });
      await sent;
      expect([page.status, page.text]).toEqual(['ready', 'Once ']);
      expect((await stop({ messageId })).status).toBe(409);
      expect(await stop({})).toMatchObject({ status: 200, body: { stopped: false } });
      gate.open();
    });

    it('approves what its answer asks, and goes on in the same message', async () => {
      const sent: unknown[] = [];
      const served = await serveChat({
        adapter,
        chat: { onMessage: ({ job }) => askFirst(job), onResume: mailing(sent) },
      });
      const page = pageOf(served);
      await page.sendMessage({ text: 'Mail bob' });
      expect([page.status, page.calls[0]?.state]).toEqual(['ready', 'approval-requested']);
      await page.addToolApprovalResponse({ id: approvalOf(page), approved: true });
      await until('the mail is told of', () => page.text === 'May I? It is sent.');
      await ready(page);
      expect(sent).toEqual([MAIL.arguments]);
      expect(page.messages).toHaveLength(2);
      expect(page.calls).toMatchObject([
        { state: 'output-available', output: 'sent', input: MAIL.arguments },
      ]);
      expect(page.posts.map(({ status }) => status)).toEqual([200, 200]);
    });
  });

  describe(`what ${name} is answered`, () => {
    it('GET answers 204 alike for an unknown chat, another’s, nobody’s, a malformed id, and one that is settled', async () => {
      const served = await serveChat();
      const page = pageOf(served);
      await page.sendMessage({ text: 'Hi' });
      await settledAnswer(served);
      const answers = await Promise.all(
        [
          ['unknown', 'ann'],
          ['chat-1', 'bob'],
          ['chat-1', ''],
          ['%', 'ann'],
          ['x'.repeat(3000), 'ann'],
          ['chat-1', 'ann'],
        ].map(async ([id, user]) => {
          const answer = await fetch(`${served.url}/${id}/stream`, { headers: { 'x-session': user ?? '' } });
          return [answer.status, await answer.text()];
        }),
      );
      expect(answers).toEqual(answers.map(() => [204, '']));
      await page.resumeStream();
      expect([page.status, page.text]).toEqual(['ready', 'Hello there.']);
    });

    it('an answer that has ended and is not settled yet is replayed; one that is settled, where the page asks for it', async () => {
      const gate = new Gate();
      const served = await serveChat({ manager: { hooks: { settle: () => gate.opened } } });
      await pageOf(served).sendMessage({ text: 'Hi' });
      const reloaded = pageOf(served);
      await reloaded.resumeStream();
      expect([reloaded.status, reloaded.text]).toEqual(['ready', 'Hello there.']);
      gate.open();
      await settledAnswer(served);
      const headers = { 'x-session': 'ann' };
      const asked = await fetch(`${served.url}/chat-1/stream?ended=replay`, { headers });
      const types = chunksIn(await asked.text()).map(({ type }) => type);
      expect([asked.status, types.at(0), types.at(-1)]).toEqual([200, 'start', 'finish']);
    });

    it('any characters may name a chat, and no two chats are one', async () => {
      const served = await serveChat();
      const ids = ['c/1', 'c%2F1', '~c', 'ü?a=b#c', '汉'.repeat(256), chatStreamId('c/1')];
      for (const id of ids) {
        const page = pageOf(served, { id });
        await page.sendMessage({ text: `I am ${id}` });
        expect([page.status, page.text]).toEqual(['ready', 'Hello there.']);
        await page.resumeStream();
        expect(page.status).toBe('ready');
      }
      expect(served.asked.map(({ id }) => id)).toEqual(ids);
      expect(new Set(ids.map(chatStreamId)).size).toBe(ids.length);
      const named = await Promise.all(ids.map((id) => recordOf(served, id)));
      expect(named.map((record) => record?.conversationId)).toEqual(ids);
    });

    it('a message that is posted twice at once, and again later, starts one answer', async () => {
      const gate = new Gate();
      const asked: string[] = [];
      const served = await serveChat({
        chat: {
          onMessage: ({ messageId }) => {
            asked.push(messageId);
            return saying('Only ', gate, 'once.');
          },
        },
      });
      const body = { id: 'chat-1', trigger: 'submit-message', messages: [userMessage('Hi')] };
      const post = async () => {
        const headers = { 'x-session': 'ann', 'content-type': 'application/json' };
        const answer = await fetch(served.url, { method: 'POST', headers, body: JSON.stringify(body) });
        return chunksIn(await answer.text());
      };
      const both = [post(), post()];
      await until('one has begun', () => asked.length > 0);
      gate.open();
      const [first, second] = await Promise.all(both);
      const third = await post();
      const told = [first, second, third].map((chunks) => [
        chunks?.[0]?.messageId,
        chunks?.map(({ delta = '' }) => delta).join(''),
      ]);
      expect(told).toEqual(told.map(() => [asked[0], 'Only once.']));
      expect(asked).toHaveLength(1);
    });

    it('a new message ends the answer that is being made; where the host says so, it is refused instead', async () => {
      for (const onConflict of ['replace', 'reject'] as const) {
        const gate = new Gate();
        const onMessage = () => saying('Slowly ', gate, 'said.');
        const served = await serveChat({ chat: { onConflict, onMessage } });
        const page = pageOf(served);
        const sent = page.sendMessage({ text: 'First' });
        await until('the first word', () => page.text === 'Slowly ');
        const tab = pageOf(served, { messages: page.messages });
        const other = tab.sendMessage({ text: 'Second' });
        if (onConflict === 'reject') {
          await other;
          expect([tab.status, JSON.parse(tab.error?.message ?? '').error.code]).toEqual([
            'error',
            'conflict',
          ]);
        } else {
          await sent;
          expect([page.status, page.text]).toEqual(['ready', 'Slowly ']);
        }
        gate.open();
        await Promise.all([sent, other]);
        const told = onConflict === 'reject' ? page : tab;
        expect([told.status, told.text]).toEqual(['ready', 'Slowly said.']);
      }
    });

    it('an answer is made anew under another message id, as often as it is asked for', async () => {
      const served = await serveChat();
      const page = pageOf(served);
      await page.sendMessage({ text: 'Hi' });
      const ids = [page.lastMessage?.id];
      for (let again = 0; again < 2; again++) {
        await page.regenerate();
        ids.push(page.lastMessage?.id);
      }
      expect(page.messages).toHaveLength(2);
      expect(new Set(ids).size).toBe(3);
      expect(served.asked.map(({ trigger }) => trigger)).toEqual([
        'submit-message',
        'regenerate-message',
        'regenerate-message',
      ]);
    });

    it('a message goes on after a tool of the page, and a reload shows the whole of it', async () => {
      const gate = new Gate();
      const call = { toolCallId: 'where-1', toolName: 'where_am_i' };
      const onMessage = ({ messages }: { messages: unknown[] }) =>
        messages.length === 1
          ? saying('Let me look. ', { type: 'tool-input-available', ...call, input: {} })
          : saying('You are ', gate, 'in Rome.');
      const served = await serveChat({ chat: { onMessage } });
      const page = pageOf(served);
      await page.sendMessage({ text: 'Where am I?' });
      const { id } = page.messages[1] ?? { id: '' };
      await page.addToolOutput({ tool: 'where_am_i', toolCallId: 'where-1', output: 'Rome' });
      await until('it goes on', () => page.text === 'Let me look. You are ');
      const reloaded = pageOf(served, { messages: page.messages.slice(0, 1) });
      const resumed = reloaded.resumeStream();
      await until('all of it is there', () => reloaded.text === page.text);
      gate.open();
      await resumed;
      await ready(page);
      expect(reloaded.messages).toEqual(page.messages);
      expect(page.messages.map((message) => message.id)).toEqual(
        ['user-1', id].with(0, page.messages[0]?.id ?? ''),
      );
      expect(page.text).toBe('Let me look. You are in Rome.');
      expect(page.calls).toMatchObject([{ state: 'output-available', output: 'Rome' }]);
    });

    it('what only 7 knows is sent to a page that says it has 7, or where the host says so', async () => {
      const told: boolean[] = [];
      for (const [version, header] of [
        [undefined, {}],
        [undefined, { 'x-ai-sdk': '7' }],
        [7, {}],
        [6, { 'x-ai-sdk': '7' }],
      ] as const) {
        const onMessage = () => saying('Look: ', { type: 'custom', kind: 'card' });
        const served = await serveChat({ chat: { onMessage, version } });
        const answer = await fetch(served.url, {
          method: 'POST',
          headers: { 'x-session': 'ann', 'content-type': 'application/json', ...header },
          body: JSON.stringify({ id: 'chat-1', messages: [userMessage('Hi')] }),
        });
        told.push(chunksIn(await answer.text()).some(({ type }) => type === 'custom'));
      }
      expect(told).toEqual([false, true, true, false]);
    });

    it('an answer whose producer throws, or answers with what is no stream, is an error of the chat', async () => {
      const told: unknown[] = [];
      const wrongs = [
        () => {
          throw new Error('a secret');
        },
        async () => 'no stream',
        () => saying('So far ', { type: 'error', errorText: 'The model is away.' }),
      ];
      for (const onMessage of wrongs) {
        const served = await serveChat({ manager: { hooks: { onError: () => {} } }, chat: { onMessage } });
        const page = pageOf(served);
        await page.sendMessage({ text: 'Hi' });
        told.push([page.status, page.error?.message.includes('a secret'), (await recordOf(served))?.status]);
      }
      expect(told).toEqual(wrongs.map(() => ['error', false, 'failed']));
    });
  });

  describe(`decisions of ${name}`, () => {
    const asking = async (more: object = {}) => {
      const sent: unknown[] = [];
      const onMessage = ({ job }: { job: GenerationJob }) => askFirst(job, more);
      const served = await serveChat({ chat: { onMessage, onResume: mailing(sent) } });
      const page = pageOf(served);
      await page.sendMessage({ text: 'Mail bob' });
      expect(page.calls).toMatchObject([{ state: 'approval-requested', input: MAIL.arguments }]);
      return { served, page, sent };
    };

    it('an edit calls the tool with what the page has made of its arguments, and shows it', async () => {
      const { page, sent } = await asking();
      const id = approvalOf(page);
      const edited = { to: 'bob', text: 'Good day' };
      await page.addToolApprovalResponse({
        id,
        approved: true,
        options: { body: { edits: { [id]: edited } } },
      });
      await until('the mail is told of', () => page.text === 'May I? It is sent.');
      await ready(page);
      expect(sent).toEqual([edited]);
      expect(page.calls).toMatchObject([{ state: 'output-available', input: edited }]);
    });

    it('a refusal is told to the run: with a text it stands in the tool’s place where the job takes one', async () => {
      const rejected = await asking();
      await rejected.page.addToolApprovalResponse({ id: approvalOf(rejected.page), approved: false });
      await until('it is not sent', () => rejected.page.text === 'May I? Not sent.');
      expect(rejected.page.calls).toMatchObject([{ state: 'output-denied' }]);
      const responded = await asking();
      const refusal = { id: approvalOf(responded.page), approved: false, reason: 'Call him instead' };
      await responded.page.addToolApprovalResponse(refusal);
      await until('it is answered', () => responded.page.text === 'May I? Then not.');
      expect(responded.page.calls).toMatchObject([{ output: 'Call him instead' }]);
      expect([...rejected.sent, ...responded.sent]).toEqual([]);
      for (const { page } of [rejected, responded]) await ready(page);
    });

    it('a question is a call that the page answers by its output', async () => {
      const answers: unknown[] = [];
      const questions = [
        { id: 'q-1', question: 'Which city?', options: [{ label: 'Rome' }, { label: 'Oslo' }] },
        { id: 'q-2', question: 'When?' },
      ];
      const served = await serveChat({
        chat: {
          onMessage: ({ job }) => job.pause({ type: 'ask_user_question', questions }).then(() => undefined),
          onResume: (_job, { resolution }) => {
            answers.push(resolution?.answers);
            return saying('Thank you.');
          },
        },
      });
      const page = pageOf(served);
      await page.sendMessage({ text: 'Plan a trip' });
      expect(page.calls).toMatchObject([
        { type: 'tool-ask_user_question', toolCallId: 'q-1', state: 'input-available' },
        { toolCallId: 'q-2', input: { question: 'When?', allowText: true } },
      ]);
      const answer = (toolCallId: string, output: unknown) =>
        page.addToolOutput({ tool: 'ask_user_question', toolCallId, output });
      await answer('q-1', { selected: ['Rome'] });
      await answer('q-2', 'in May');
      await until('it is thanked', () => page.text === 'Thank you.');
      await ready(page);
      expect(answers).toEqual([
        [
          { id: 'q-1', selected: ['Rome'] },
          { id: 'q-2', text: 'in May' },
        ],
      ]);
      expect(page.posts).toHaveLength(2);
    });

    it('the second tab’s answer, and the same POST again, is the outcome: the tool runs once', async () => {
      const { served, page, sent } = await asking();
      const tab = pageOf(served, { messages: page.messages });
      const late = pageOf(served);
      await late.resumeStream();
      expect(late.calls).toMatchObject([{ state: 'approval-requested' }]);
      await page.addToolApprovalResponse({ id: approvalOf(page), approved: true });
      await until('the mail is told of', () => page.text === 'May I? It is sent.');
      await tab.addToolApprovalResponse({ id: approvalOf(tab), approved: false });
      await until('the tab has the outcome', () => tab.text === page.text);
      await late.addToolApprovalResponse({ id: approvalOf(late), approved: true });
      await until('so has a tab that was reloaded', () => late.text === page.text);
      for (const one of [page, tab, late]) await ready(one);
      expect([tab.calls, late.calls]).toMatchObject([
        [{ state: 'output-available', output: 'sent' }],
        [{ state: 'output-available', output: 'sent' }],
      ]);
      const again = page.posts.at(-1)?.body ?? '';
      const headers = { 'x-session': 'ann', 'content-type': 'application/json' };
      const repeated = await fetch(served.url, { method: 'POST', headers, body: again });
      const chunks = chunksIn(await repeated.text());
      expect(chunks[0]).toEqual({ type: 'start' });
      expect(chunks).toContainEqual(
        expect.objectContaining({ type: 'tool-output-available', output: 'sent' }),
      );
      expect(sent).toHaveLength(1);
      expect([page, tab, late].map(({ posts }) => posts.length)).toEqual([2, 1, 1]);
    });

    it('a decision that comes after the time to decide, or after another answer has begun, is told so in the stream', async () => {
      const expired = await asking({ expiresInMs: 1 });
      const { approvals } = expired.served.manager;
      await until('nobody decided', async () => {
        await approvals.expire(chatStreamId('chat-1'));
        return (await recordOf(expired.served))?.status === 'aborted';
      });
      await expired.page.addToolApprovalResponse({ id: approvalOf(expired.page), approved: true });
      await until('it is told', () => expired.page.status === 'error');
      expect(expired.page.error?.message).toContain('time to decide is over');
      const replaced = await asking();
      const tab = pageOf(replaced.served, { messages: replaced.page.messages });
      await tab.sendMessage({ text: 'Something else' });
      await replaced.page.addToolApprovalResponse({ id: approvalOf(replaced.page), approved: true });
      await until('it is told', () => replaced.page.status === 'error');
      expect(replaced.page.error?.message).toContain('is over');
      expect([expired, replaced].map(({ page }) => page.posts.at(-1)?.status)).toEqual([200, 200]);
      expect([...expired.sent, ...replaced.sent]).toEqual([]);
    });

    it('a decision on what was not shown is refused, and so is one for what is not pending', async () => {
      const { served, page, sent } = await asking();
      const [, answer] = structuredClone(page.messages);
      const part = answer?.parts.find(({ type }) => type === 'tool-send_mail') as unknown as Record<
        string,
        unknown
      >;
      const decided = {
        ...part,
        state: 'approval-responded',
        approval: { id: approvalOf(page), approved: true },
      };
      const post = async (changed: object, more: object = {}) => {
        const message = { ...answer, parts: [{ ...decided, ...changed }] };
        const body = { id: 'chat-1', messages: [message], messageId: answer?.id, ...more };
        const { status, body: told } = await postJson(served.url, body);
        return [status, (told as { error: { code: string } }).error.code];
      };
      const approval = (id: string) => ({ approval: { id, approved: true } });
      expect(await post({ input: { to: 'bob', text: 'Something else' } })).toEqual([409, 'payload_changed']);
      expect(await post({ type: 'tool-delete_all' })).toEqual([400, 'request_unknown']);
      expect(await post(approval('another:call-1'))).toEqual([404, 'action_not_found']);
      expect(await post(approval('nonsense'))).toEqual([404, 'action_not_found']);
      expect(await post({ state: 'approval-requested' })).toEqual([400, 'request_undecided']);
      expect(await post({}, { edits: { 'other:call-1': {} } })).toEqual([400, 'request_unknown']);
      expect(await post({}, { edits: { [approvalOf(page)]: 'no object' } })).toEqual([
        400,
        'edit_without_arguments',
      ]);
      expect((await recordOf(served))?.status).toBe('requires_action');
      expect(sent).toEqual([]);
    });

    it('a page that comes to a paused chat is shown the question, and decides it', async () => {
      const { served, page, sent } = await asking();
      const reloaded = pageOf(served, { messages: page.messages.slice(0, 1) });
      await reloaded.resumeStream();
      expect([reloaded.status, reloaded.messages]).toEqual(['ready', page.messages]);
      await reloaded.addToolApprovalResponse({ id: approvalOf(reloaded), approved: true });
      await until('the mail is told of', () => reloaded.text === 'May I? It is sent.');
      await ready(reloaded);
      expect(sent).toHaveLength(1);
    });
  });
}
