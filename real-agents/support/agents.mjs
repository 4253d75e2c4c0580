/**
 * What hosts write to make a run of the SDK, as the tests need it: an agent with a scripted model and, if wanted, tools
 * that are executed by events, tools in process, tools that ask the user, and a sub-agent. Plain JavaScript, because the
 * processes that tests start use it too. The SDK's declarations don't resolve here, so it is taken as it is.
 */
import { createRequire } from 'node:module';
import { ScriptedModel } from '../agent/scripted-model.mjs';

const here = createRequire(import.meta.url);
const sdkRequire = createRequire(here.resolve('@librechat/agents'));

let sdk;

export async function loadSdk() {
  if (sdk === undefined) {
    console.warn = () => {}; // the SDK tells of its own doings there
    sdk = await import(here.resolve('@librechat/agents'));
    // Sub-agents have graphs, and so models, of their own: only a provider reaches them all.
    sdk.registerProvider({ provider: 'scripted', model: ScriptedModel, family: 'generic' });
  }
  return sdk;
}

/** The peers of the library are installed beside these tests, not beside it. */
export function importPeer(name) {
  return import(name);
}

const TOOLS = ['transfer', 'sum', 'lookup', 'tool_search', 'hidden'].map((name) => ({
  name,
  description: name,
  parameters: { type: 'object', properties: {} },
  ...(name === 'hidden' ? { defer_loading: true } : {}),
}));

/** A run of the SDK from a setup of ours. See `AgentSetup`. */
export function runFactory(sdk, given) {
  return async (setup) => {
    const { ask = [], allowedDecisions, direct = [], asksUser = false } = given;
    const hooks = new sdk.HookRegistry();
    const policy = { mode: 'bypass', ask: [...ask], reason: 'Tool {tool} needs approval' };
    const judge = sdk.createToolPolicyHook(policy);
    const hook = async (use, ...rest) => {
      const answer = await judge(use, ...rest);
      return answer.decision === 'ask' && allowedDecisions ? { ...answer, allowedDecisions } : answer;
    };
    hooks.register('PreToolUse', { hooks: [hook] });
    // The SDK alone is not steered.
    setup.steering?.register(hooks);
    const inProcess = [
      ...direct.map((name) => directTool(name, (call) => given.execute(call))),
      ...(asksUser ? [questionTool(sdk), questionsTool(sdk)] : []),
    ];
    return sdk.Run.create({
      runId: setup.runId,
      graphConfig: {
        type: 'standard',
        agents: [
          {
            ...agentOf('agent_1', given),
            discoveredTools: [...setup.discoveredTools],
            ...(inProcess.length > 0 ? { [direct.length > 0 ? 'tools' : 'graphTools']: inProcess } : {}),
            ...(direct.length > 0 ? { toolDefinitions: undefined } : {}),
            ...(given.subagent ? { subagentConfigs: [subagentOf(given.subagent)] } : {}),
            ...given.agent,
          },
        ],
        ...(setup.checkpointer ? { compileOptions: { checkpointer: setup.checkpointer } } : {}),
      },
      returnContent: true,
      customHandlers: setup.handlers,
      hooks,
      humanInTheLoop: { enabled: true },
      subagentUsageSink: setup.subagentUsageSink,
      ...(setup.steering ? { preemption: { ...setup.steering.preemption, restartGraceMs: 0 } } : {}),
      ...(asksUser ? { interruptingToolNames: ['ask_user', 'ask_user_questions'] } : {}),
      ...given.run,
    });
  };
}

function agentOf(agentId, { script, delayMs, onTurn }) {
  return {
    agentId,
    provider: 'scripted',
    clientOptions: { script, delayMs, onTurn },
    instructions: 'You are a test.',
    maxContextTokens: 8000,
    toolDefinitions: TOOLS,
  };
}

function subagentOf(given) {
  return {
    type: 'payer',
    name: 'Payer',
    description: 'Pays.',
    agentInputs: { ...agentOf('payer_1', given), ...given.agent },
  };
}

function directTool(name, execute) {
  const { tool } = sdkRequire('@langchain/core/tools');
  const schema = { type: 'object', properties: {}, additionalProperties: true };
  return tool((args, config) => execute({ id: config.toolCall?.id, name, args }), {
    name,
    description: name,
    schema,
  });
}

/** Asks one question, the call's arguments, and tells the model the answer. */
function questionTool(sdk) {
  const { tool } = sdkRequire('@langchain/core/tools');
  const ask = (question) => `The user says: ${sdk.askUserQuestion(question).answer}`;
  return tool(ask, { name: 'ask_user', description: 'asks', schema: { type: 'object', properties: {} } });
}

function questionsTool(sdk) {
  const { tool } = sdkRequire('@langchain/core/tools');
  const ask = (request) => JSON.stringify(sdk.askUserQuestions(request).answers);
  return tool(ask, {
    name: 'ask_user_questions',
    description: 'asks',
    schema: { type: 'object', properties: {} },
  });
}

/** Handlers that run tools, as a host gives them to `runAgent`. What `execute` gives is the content, or more than that. */
export function toolHandlers(execute) {
  return {
    on_tool_execute: {
      async handle(_event, { toolCalls, resolve, reject }) {
        try {
          const results = [];
          for (const call of toolCalls) {
            const result = await execute(call);
            const said = typeof result === 'object' ? result : { content: result };
            results.push({ toolCallId: call.id, status: 'success', ...said });
          }
          resolve(results);
        } catch (error) {
          reject(error);
        }
      },
    },
  };
}

export function userSays(sdk, text) {
  return { messages: [new sdk.HumanMessage(text)] };
}
