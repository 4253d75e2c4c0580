import * as ai from 'ai';
import { chatCases } from './chat-cases.js';

chatCases('the AI SDK 6', ai);
