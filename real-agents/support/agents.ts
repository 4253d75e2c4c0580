/**
 * Real runs of the SDK for the tests: one agent with a scripted model and, if wanted, tools that are executed by events.
 * The SDK's declarations don't resolve here, so it is taken as it is.
 */
import { createRequire } from 'node:module';
import type { GraphHandlers, RunLike, RunSetup, ToolExecuteRequest } from 'generation-jobs/agents';
import { ScriptedModel } from '../agent/scripted-model.mjs';

// biome-ignore lint/suspicious/noExplicitAny: the SDK's own types are broken for this module setting
export type Sdk = any;

export async function loadSdk(): Promise<Sdk> {
  console.warn = () => {}; // the SDK tells of its own doings there
  return import(createRequire(import.meta.url).resolve('@librechat/agents'));
}

export interface Turn {
  readonly reasoning?: string[];
  readonly text?: string[];
  readonly tools?: { id: string; name: string; args: object }[];
  readonly nameFirst?: boolean;
  readonly fails?: string;
}

export interface AgentSetup {
  readonly script: readonly Turn[];
  readonly delayMs?: number;
  /** Tools that ask; all others run. */
  readonly ask?: readonly string[];
  /** Runs an event-dispatched call; what it gives is the result. */
  readonly execute?: (call: { id: string; name: string; args: unknown }) => unknown;
  readonly agent?: object;
  readonly run?: object;
  /** The messages of each call of the model. */
  readonly onTurn?: (messages: object[]) => void;
}

const TOOLS = ['transfer', 'sum', 'lookup'].map((name) => ({
  name,
  description: name,
  parameters: { type: 'object', properties: {} },
}));

/** What hosts write: a run of the SDK from a setup of ours. */
export function runFactory(sdk: Sdk, given: AgentSetup) {
  return async (setup: RunSetup): Promise<RunLike> => {
    const { script, delayMs, ask = [], agent, onTurn } = given;
    const hooks = new sdk.HookRegistry();
    const policy = { mode: 'bypass', ask: [...ask], reason: 'Tool {tool} needs approval' };
    hooks.register('PreToolUse', { hooks: [sdk.createToolPolicyHook(policy)] });
    const run = await sdk.Run.create({
      runId: setup.runId,
      graphConfig: {
        type: 'standard',
        agents: [
          {
            agentId: 'agent_1',
            provider: sdk.Providers.OPENAI,
            clientOptions: { model: 'scripted', apiKey: 'none', streaming: true },
            instructions: 'You are a test.',
            maxContextTokens: 8000,
            toolDefinitions: TOOLS,
            discoveredTools: [...setup.discoveredTools],
            ...agent,
          },
        ],
        ...(setup.checkpointer ? { compileOptions: { checkpointer: setup.checkpointer } } : {}),
      },
      returnContent: true,
      customHandlers: setup.handlers,
      hooks,
      humanInTheLoop: { enabled: true },
      subagentUsageSink: setup.subagentUsageSink,
      ...given.run,
    });
    run.Graph.overrideModel = new ScriptedModel({ script: [...script], delayMs, onTurn });
    return run;
  };
}

/** Handlers that run tools, as a host gives them to `runAgent`. */
export function toolHandlers(execute: NonNullable<AgentSetup['execute']>): GraphHandlers {
  return {
    on_tool_execute: {
      async handle(_event, data) {
        const { toolCalls, resolve, reject } = data as ToolExecuteRequest;
        try {
          const results = [];
          for (const call of toolCalls) {
            const content = await execute(call);
            results.push({ toolCallId: call.id, status: 'success' as const, content });
          }
          resolve(results);
        } catch (error) {
          reject(error);
        }
      },
    },
  };
}

export function userSays(sdk: Sdk, text: string): { messages: unknown[] } {
  return { messages: [new sdk.HumanMessage(text)] };
}
