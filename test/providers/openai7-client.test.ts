import type OpenAI6 from 'openai';
import OpenAI from 'openai7';
import { describe } from 'vitest';
import { describeOpenAIClient } from './openai-client.js';

// It asks for Node 22: vitest.config.ts says on which Nodes this file is there.
describe('the client of `openai` 7', () => describeOpenAIClient(OpenAI as unknown as typeof OpenAI6));
