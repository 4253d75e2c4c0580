import type { GraphHandlers, RunLike, RunSetup } from 'generation-jobs/agents';

// biome-ignore lint/suspicious/noExplicitAny: the SDK's own types are broken for this module setting
export type Sdk = any;

export interface Turn {
  readonly reasoning?: readonly string[];
  readonly text?: readonly string[];
  readonly tools?: readonly { readonly id: string; readonly name: string; readonly args: object }[];
  readonly nameFirst?: boolean;
  readonly fails?: string;
}

export interface Call {
  readonly id: string;
  readonly name: string;
  readonly args: unknown;
}

export interface AgentSetup {
  readonly script: readonly Turn[];
  readonly delayMs?: number;
  /** Tools that ask; all others run. */
  readonly ask?: readonly string[];
  readonly allowedDecisions?: readonly string[];
  /** Tools that run in process, by `execute`. All others are event-dispatched, unless there is one of these. */
  readonly direct?: readonly string[];
  readonly execute?: (call: Call) => unknown;
  /** Whether it has the tools `ask_user` and `ask_user_questions`. */
  readonly asksUser?: boolean;
  /** Its `subagent` tool starts one of type `payer`. */
  readonly subagent?: Pick<AgentSetup, 'script' | 'delayMs' | 'agent' | 'onTurn'>;
  readonly agent?: object;
  readonly run?: object;
  /** The messages of each call of the model. */
  readonly onTurn?: (messages: object[]) => void;
}

export function loadSdk(): Promise<Sdk>;
export function importPeer(name: string): Promise<unknown>;
export function runFactory(sdk: Sdk, given: AgentSetup): (setup: RunSetup) => Promise<RunLike>;
export function toolHandlers(execute: (call: Call) => unknown): GraphHandlers;
export function userSays(sdk: Sdk, text: string): { messages: unknown[] };
