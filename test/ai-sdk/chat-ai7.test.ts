import * as ai7 from 'ai7';
import { chatCases } from './chat-cases.js';
import type { AI } from './chat-page.js';

// Typed as 6: what the tests use of it is the same.
chatCases('the AI SDK 7', ai7 as unknown as AI);
