/**
 * The example's agent: a real run of the SDK, with two tools. `clock` runs by itself; `send_money` asks a person first.
 * Its model is scripted, or any endpoint that speaks OpenAI's protocol.
 */
import * as sdk from '@librechat/agents';
import mongoose from 'mongoose';
import { ScriptedModel } from './scripted-model.mjs';

const TOOLS = [
  { name: 'clock', description: 'Tells the time of day', parameters: { type: 'object', properties: {} } },
  {
    name: 'send_money',
    description: 'Sends money to somebody',
    parameters: {
      type: 'object',
      properties: { to: { type: 'string' }, amount: { type: 'number' } },
      required: ['to', 'amount'],
    },
  },
];
const INSTRUCTIONS =
  'You are a helpful assistant in a demonstration. Money is sent with the tool send_money.';

/** Packages of LangGraph, which are only to be found from here. */
export const importPeer = (name) => import(name);

/** @returns an open mongoose connection; the caller closes it */
export async function openMongo(url) {
  return mongoose.createConnection(url).asPromise();
}

/** What `runAgent` takes as its input for a user's message, with what was said before it. */
export function inputFor(text, earlier) {
  const messages = earlier.flatMap(({ prompt, answer }) => [
    new sdk.HumanMessage(prompt),
    new sdk.AIMessage(answer),
  ]);
  return { messages: [...messages, new sdk.HumanMessage(text)] };
}

/**
 * Makes `createRun` for `runAgent` and `resumeAgent`: the same run from the same setup, in any process.
 *
 * @param {{ openAi?: { baseUrl: string, apiKey: string, model: string }, policyHook?: Function }} options
 */
export function createRunWith({ openAi, policyHook }) {
  return async ({ runId, handlers, checkpointer, subagentUsageSink, discoveredTools, steering }) => {
    const hooks = new sdk.HookRegistry();
    // What is sent while it works goes to the model: after its tools, in the middle of its turn, or at its end.
    steering.register(hooks);
    if (policyHook) hooks.register('PreToolUse', { hooks: [policyHook] });
    const run = await sdk.Run.create({
      runId,
      graphConfig: {
        type: 'standard',
        agents: [
          {
            agentId: 'assistant',
            provider: sdk.Providers.OPENAI,
            clientOptions: clientOptionsFor(openAi),
            instructions: INSTRUCTIONS,
            maxContextTokens: 32_000,
            toolDefinitions: TOOLS,
            discoveredTools: [...discoveredTools],
          },
        ],
        compileOptions: { checkpointer },
      },
      customHandlers: handlers,
      subagentUsageSink,
      hooks,
      preemption: steering.preemption,
      humanInTheLoop: { enabled: policyHook !== undefined },
      returnContent: true,
    });
    if (!openAi) run.Graph.overrideModel = new ScriptedModel({ script: scriptFor, delayMs: 30 });
    return run;
  };
}

/** Runs the tools: the one nobody has to allow, and the one somebody has. */
export const handlers = {
  on_tool_execute: {
    handle(_event, { toolCalls, resolve }) {
      resolve(toolCalls.map(({ id, name, args }) => ({ toolCallId: id, ...resultOf(name, args) })));
    },
  },
};

function resultOf(name, args) {
  if (name === 'clock') return { status: 'success', content: new Date().toISOString() };
  if (name === 'send_money') {
    return { status: 'success', content: `Sent ${args?.amount} to ${args?.to} (in play money).` };
  }
  return { status: 'error', content: `There is no tool ${name}.` };
}

function clientOptionsFor(openAi) {
  if (!openAi) return { model: 'scripted', apiKey: 'none', streaming: true };
  const { baseUrl, apiKey, model } = openAi;
  return { model, apiKey, streaming: true, configuration: { baseURL: baseUrl } };
}

/** What the scripted model says to a prompt. */
function scriptFor(prompt) {
  const amount = Number(/\d+/.exec(prompt.slice(0, 1000))?.[0] ?? 10);
  if (/\b(pay|send|money|transfer)\b/i.test(prompt)) {
    const call = { id: 'call_send_money', name: 'send_money', args: { to: 'Bob', amount } };
    return [
      {
        reasoning: ['They want ', 'money sent. ', 'Somebody has to allow that.'],
        text: ['I can ', 'send that ', 'for you. ', 'It needs ', 'your approval ', 'first.'],
        tools: [call],
      },
      { text: ['That ', 'is ', 'settled. ', 'Anything ', 'else?'] },
    ];
  }
  return [
    { text: ['Let me ', 'look at ', 'the clock.'], tools: [{ id: 'call_clock', name: 'clock', args: {} }] },
    {
      text: [
        'I am ',
        'an agent ',
        'with a ',
        'scripted ',
        'model. ',
        'Ask me ',
        'to **send ',
        'money** ',
        'to see ',
        'me ask ',
        'you.',
      ],
    },
  ];
}
