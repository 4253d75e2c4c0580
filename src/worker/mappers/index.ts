/** The mappers that come with the package, by name. */
import { aiSdkUi } from './ai-sdk-ui.js';
import { claudeCode } from './claude-code.js';
import { codex } from './codex.js';
import { geminiCli } from './gemini-cli.js';
import type { AgentMapper } from './mapper.js';
import { openclaw } from './openclaw.js';
import { opencode } from './opencode.js';
import { pi } from './pi.js';
import { raw } from './raw.js';

/**
 * The mappers that come with the package: `openclaw`, `claude-code`, `codex`, `gemini-cli`, `opencode`, `pi` (0.7x and
 * 1.x), `ai-sdk-ui` (lines that are UI message chunks), and `raw`, for any command: its lines are text.
 */
export const agentMappers = {
  openclaw,
  'claude-code': claudeCode,
  codex,
  'gemini-cli': geminiCli,
  opencode,
  pi,
  'ai-sdk-ui': aiSdkUi,
  raw,
} as const satisfies Record<string, AgentMapper>;

export type AgentMapperName = keyof typeof agentMappers;
