/** Every agent, with a session of it for each seed. */
import { agentMappers } from '../../src/worker/mappers/index.js';
import type { AgentMapper } from '../../src/worker/mappers/mapper.js';
import { chanceOf, type Session } from './agent-lines.js';
import {
  claudeSession,
  codexSession,
  geminiSession,
  openclawSession,
  opencodeSession,
  piSession,
  uiSession,
} from './agent-sessions.js';

export const SESSIONS: Readonly<Record<string, [AgentMapper, (seed: number) => Session, lastLines: number]>> =
  {
    openclaw: [agentMappers.openclaw, (seed) => openclawSession(chanceOf(seed)), 1],
    'claude-code with deltas': [
      agentMappers['claude-code'],
      (seed) => claudeSession(chanceOf(seed), true),
      1,
    ],
    'claude-code without': [agentMappers['claude-code'], (seed) => claudeSession(chanceOf(seed), false), 1],
    codex: [agentMappers.codex, (seed) => codexSession(chanceOf(seed)), 1],
    'gemini-cli': [agentMappers['gemini-cli'], (seed) => geminiSession(chanceOf(seed)), 1],
    opencode: [agentMappers.opencode, (seed) => opencodeSession(chanceOf(seed), true), 2],
    'opencode without a last line': [
      agentMappers.opencode,
      (seed) => opencodeSession(chanceOf(seed), false),
      1,
    ],
    'pi 0.7x': [agentMappers.pi, (seed) => piSession(chanceOf(seed), false), 1],
    'pi 1.x': [agentMappers.pi, (seed) => piSession(chanceOf(seed), true), 1],
    'ai-sdk-ui': [agentMappers['ai-sdk-ui'], (seed) => uiSession(chanceOf(seed)), 1],
  };
