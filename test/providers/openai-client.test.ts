import OpenAI from 'openai';
import { describe } from 'vitest';
import { describeOpenAIClient } from './openai-client.js';

describe('the client of `openai` 6', () => describeOpenAIClient(OpenAI));
